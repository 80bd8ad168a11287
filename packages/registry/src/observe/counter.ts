import type { Labels, Metric, MetricNames, Sample } from './metric.ts'

/** A number that only grows, for each combination of labels that has occurred. The labels' values are from closed sets. */
export class Counter implements Metric {
  readonly name: string
  readonly help: string
  readonly type = 'counter'
  readonly #values = new Map<string, { readonly labels: Labels; value: number }>()

  constructor({ name, help }: MetricNames) {
    this.name = name
    this.help = help
  }

  add(labels: Labels = {}, amount = 1): void {
    const key = Object.values(labels).join('\n')
    const found = this.#values.get(key)
    if (found === undefined) this.#values.set(key, { labels, value: amount })
    else found.value += amount
  }

  samples(): Iterable<Sample> {
    return this.#values.values()
  }
}
