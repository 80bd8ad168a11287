import type { Metric, MetricNames, Sample } from './metric.ts'

/** What a gauge shows now: one number, or one for each combination of labels. `undefined` when it cannot be told. */
export type Reading = number | Iterable<Sample> | undefined

/** A number that is read when somebody asks. */
export class Gauge implements Metric {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter'
  readonly #read: () => Reading | Promise<Reading>

  /** `type` is `counter` for a number that is kept elsewhere and only grows. */
  constructor(names: MetricNames & { readonly type?: 'counter' }, read: () => Reading | Promise<Reading>) {
    this.name = names.name
    this.help = names.help
    this.type = names.type ?? 'gauge'
    this.#read = read
  }

  async samples(): Promise<Iterable<Sample>> {
    const reading = await this.#read()
    if (reading === undefined) return []
    return typeof reading === 'number' ? [{ labels: {}, value: reading }] : reading
  }
}
