import type { State } from '@gantry/state'
import { Gauge } from '../observe/gauge.ts'
import type { Metric } from '../observe/metric.ts'
import { gcTotals, lastRuns } from './gc-runs.ts'

/** What collections did, those of other processes included. */
export function gcMetrics(state: State): readonly Metric[] {
  const counter = (name: string, help: string, read: () => number | undefined): Metric =>
    new Gauge({ name, help, type: 'counter' }, read)
  return [
    counter('gantry_registry_gc_runs_total', 'Collections of garbage.', () => gcTotals(state).runs),
    counter('gantry_registry_gc_blobs_total', 'Blobs that were collected.', () => gcTotals(state).blobs),
    counter('gantry_registry_gc_bytes_total', 'Bytes that were collected.', () => gcTotals(state).bytes),
    counter('gantry_registry_gc_seconds_total', 'Time that collecting took.', () => gcTotals(state).took / 1000),
    new Gauge(
      { name: 'gantry_registry_gc_last_run_timestamp_seconds', help: 'When garbage was last collected.' },
      () => {
        const [last] = lastRuns(state, 1)
        return last === undefined ? undefined : (last.started + last.took) / 1000
      },
    ),
  ]
}
