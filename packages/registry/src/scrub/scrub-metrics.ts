import type { State } from '@gantry/state'
import { Counter } from '../observe/counter.ts'
import { Gauge } from '../observe/gauge.ts'
import type { Metric } from '../observe/metric.ts'
import { readScrubPosition } from './scrub-position.ts'
import type { ScrubProgress } from './scrub-report.ts'

/** What the checking of blobs found in this process, and when a round of whichever process last came to its end. */
export class ScrubMetrics {
  readonly #blobs = new Counter({
    name: 'gantry_registry_scrub_blobs_total',
    help: 'Blobs whose digest was verified on the disk.',
  })
  readonly #bytes = new Counter({
    name: 'gantry_registry_scrub_bytes_total',
    help: 'Bytes that were read to verify blobs.',
  })
  readonly #found = new Counter({
    name: 'gantry_registry_scrub_found_total',
    help: 'Content that was damaged or missing, and whether a good copy took its place.',
  })
  readonly #failed = new Counter({
    name: 'gantry_registry_scrub_source_failures_total',
    help: 'Times that a registry could not be asked for a good copy, or gave none.',
  })
  readonly #completed: Metric
  #before = 0

  constructor(state: State) {
    this.#completed = new Gauge(
      {
        name: 'gantry_registry_scrub_last_completed_timestamp_seconds',
        help: 'When all blobs had last been verified.',
      },
      () => {
        const { completed } = readScrubPosition(state)
        return completed === undefined ? undefined : completed / 1000
      },
    )
  }

  /** A run begins, whose bytes are counted from nothing. */
  begin(): void {
    this.#before = 0
  }

  note(progress: ScrubProgress): void {
    switch (progress.kind) {
      case 'checked':
        this.#blobs.add({})
        this.#bytes.add({}, progress.bytes - this.#before)
        this.#before = progress.bytes
        return
      case 'damaged':
        return this.#found.add({ what: 'damaged', repaired: String(progress.damaged.repaired) })
      case 'missing':
        return this.#found.add({ what: 'missing', repaired: String(progress.missing.repaired) })
      case 'source-failed':
        return this.#failed.add({})
    }
  }

  get all(): readonly Metric[] {
    return [this.#blobs, this.#bytes, this.#found, this.#failed, this.#completed]
  }
}
