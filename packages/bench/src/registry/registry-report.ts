import { median, quantile } from '../statistics.ts'
import type { LoadResult } from './load-job.ts'
import type { MeasuredCase } from './measure-registries.ts'

/** What one side did in a case. */
export interface SideSummary {
  /** Of its rounds the median. */
  readonly requestsPerSecond: number
  /** Of the requests of all rounds, in milliseconds. */
  readonly p50: number
  readonly p75: number
  readonly p90: number
  readonly p99: number
  /** The median time to the first byte, in milliseconds. */
  readonly firstByte: number
  /** The busiest that the load generator was: 1 is one core. Far below 1 it was not what was measured. */
  readonly generatorBusy: number
}

/** Sums up the rounds of a side. */
export function summarize(rounds: readonly LoadResult[]): SideSummary {
  const latencies = rounds.flatMap((round) => round.latencies)
  return {
    requestsPerSecond: median(rounds.map((round) => (round.latencies.length / round.elapsed) * 1000)),
    p50: quantile(latencies, 0.5),
    p75: quantile(latencies, 0.75),
    p90: quantile(latencies, 0.9),
    p99: quantile(latencies, 0.99),
    firstByte: median(rounds.flatMap((round) => round.firstBytes)),
    generatorBusy: Math.max(...rounds.map((round) => round.busy)),
  }
}

/** A table: a line for each side of each case, and in the first what it comes to. */
export function formatRegistryTable(cases: readonly MeasuredCase[]): string {
  const head = [
    'case',
    'registry',
    'requests/s',
    'p50 ms',
    'p75',
    'p90',
    'p99',
    'first byte',
    'generator',
    'ratio',
    'goal',
  ]
  const lines = cases.flatMap((one) =>
    Object.entries(one.rounds).map(([name, rounds], at) => {
      const side = summarize(rounds)
      const times = [side.p50, side.p75, side.p90, side.p99, side.firstByte].map(figure)
      const rest = at > 0 ? [] : [ratioOf(one)?.toFixed(2) ?? '–', goalText(one)]
      return [
        at > 0 ? '' : one.title,
        name,
        figure(side.requestsPerSecond),
        ...times,
        figure(side.generatorBusy),
        ...rest,
      ]
    }),
  )
  const all = [head, ...lines]
  const widths = head.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)))
  const layOut = (line: readonly string[]): string =>
    line
      .map((text, column) => (column < 2 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  return `${all.map(layOut).join('\n')}\n`
}

/** Whether a case's goal is reached; undefined without one, or without the other side. */
export function isGoalReached(one: MeasuredCase): boolean | undefined {
  const { goal, rounds } = one
  const ours = rounds['gantry']
  if (goal === undefined || ours === undefined) return undefined
  if (goal.tail !== undefined) {
    const { p50, p99 } = summarize(ours)
    return p99 < goal.tail * p50
  }
  const ratio = ratioOf(one)
  return ratio === undefined || goal.rate === undefined ? undefined : ratio >= goal.rate
}

/** Gantry's requests per second as a multiple of the other side's: above 1 it is the faster one. */
function ratioOf({ rounds }: MeasuredCase): number | undefined {
  const { gantry, ...others } = rounds
  const [other] = Object.values(others)
  if (gantry === undefined || other === undefined) return undefined
  return summarize(gantry).requestsPerSecond / summarize(other).requestsPerSecond
}

function goalText(one: MeasuredCase): string {
  if (one.goal === undefined) return ''
  const bar = one.goal.tail === undefined ? `≥ ${String(one.goal.rate)}` : `p99 < ${one.goal.tail} p50`
  const reached = isGoalReached(one)
  return reached === undefined ? bar : `${bar} ${reached ? '✔' : '✘'}`
}

function figure(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
}
