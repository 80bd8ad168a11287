/** What a row's values are. */
export type Unit = 'ms' | 's' | 'MiB' | 'MiB/s' | '%'

/** A bar that a row has to clear: so many times the median of the side `against`, or without it a value. */
export type Goal = { readonly against?: string } & ({ readonly atMost: number } | { readonly atLeast: number })

/** One thing that was measured, on several sides. */
export interface Row {
  readonly suite: string
  readonly title: string
  readonly unit: Unit
  /** Samples by side, in the order they were taken. */
  readonly samples: Readonly<Record<string, readonly number[]>>
  /** What Gantry's side has to reach. */
  readonly goals?: readonly Goal[]
}

/** One side of a measurement: does the thing once and tells the value. */
export interface Side {
  readonly name: string
  /** Does it; what it returns is the sample. */
  readonly run: (round: number) => Promise<number>
  /** What has to be done before each round and does not count. */
  readonly before?: (round: number) => Promise<void>
}

/** How a row is measured. */
export interface MeasureOptions {
  readonly suite: string
  readonly title: string
  readonly unit?: Unit
  readonly runs: number
  readonly goals?: readonly Goal[]
  /** Rounds before the first that counts. Default: 1. */
  readonly warmUp?: number
  readonly onRound?: (title: string, round: number) => void
}

/**
 * Measures the sides alternately: each round does the thing once on every side, and the side that begins changes from round to
 * round, so that what the machine does beside it falls on all alike.
 */
export async function measure(sides: readonly Side[], options: MeasureOptions): Promise<Row> {
  const { suite, title, runs, goals, warmUp = 1 } = options
  const samples = new Map(sides.map(({ name }): [string, number[]] => [name, []]))
  for (let round = -warmUp; round < runs; round++) {
    options.onRound?.(title, round)
    for (let at = 0; at < sides.length; at++) {
      const side = sides[(at + round + warmUp) % sides.length]
      if (side === undefined) continue
      await side.before?.(round)
      const value = await side.run(round)
      if (round >= 0) samples.get(side.name)?.push(value)
    }
  }
  return {
    suite,
    title,
    unit: options.unit ?? 'ms',
    samples: Object.fromEntries(samples),
    ...(goals === undefined ? {} : { goals }),
  }
}
