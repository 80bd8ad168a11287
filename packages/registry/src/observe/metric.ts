/** The labels of a sample, by their names. */
export type Labels = Readonly<Record<string, string>>

/** One line of a metric. */
export interface Sample {
  /** After the metric's name: `_bucket`, `_sum`, `_count` of a histogram. */
  readonly suffix?: string
  readonly labels: Labels
  readonly value: number
}

/** Something that is measured under one name. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  samples(): Iterable<Sample> | Promise<Iterable<Sample>>
}

/** What a metric is called, and what it tells. */
export interface MetricNames {
  readonly name: string
  readonly help: string
}
