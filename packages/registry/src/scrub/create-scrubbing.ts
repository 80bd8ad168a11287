import { schedule } from '../gc/schedule.ts'
import type { Log } from '../observe/log.ts'
import type { Metric } from '../observe/metric.ts'
import { peerSource } from './repair-source.ts'
import type { RepairSource } from './repair-source.ts'
import type { ScrubConfig } from './scrub-config.ts'
import { nextScrub } from './next-scrub.ts'
import { ScrubMetrics } from './scrub-metrics.ts'
import type { ScrubProgress } from './scrub-report.ts'
import { scrub } from './scrub.ts'
import type { ScrubParts } from './scrub.ts'
import { steadyNow } from '../clock/steady-clock.ts'

/** The cache of the server, which is asked for good copies, and whose repositories lack what nobody asked for. */
export interface ScrubCache extends RepairSource {
  readonly isCache: (repository: string) => boolean
}

/** What checking on a schedule is made of. */
export interface ScrubbingOptions extends ScrubParts {
  readonly config: ScrubConfig
  /** The cache as it is configured when it is asked. */
  readonly cache: () => ScrubCache | undefined
  readonly log: Log
  readonly onError: (error: unknown) => void
  readonly now?: () => number
}

/** Checking on a schedule. Disposing of it stops what is under way; the next process goes on from there. */
export interface Scrubbing extends AsyncDisposable {
  /** Checks now, or gives the run that is under way. */
  run(): Promise<void>
  /** Goes on by another configuration with the next run. */
  configure(config: ScrubConfig): void
  readonly metrics: readonly Metric[]
}

/** Verifies all blobs again and again; never, when the configuration names no interval. */
export function createScrubbing(options: ScrubbingOptions): Scrubbing {
  const { store, state, codec, cache, log, onError, now = steadyNow } = options
  let { config } = options
  const metrics = new ScrubMetrics(state)
  const note = (progress: ScrubProgress): void => {
    metrics.note(progress)
    tell(log, progress)
  }
  const work = async (signal: AbortSignal): Promise<void> => {
    const { quarantine, rate, peers, repair } = config
    const proxy = cache()
    const sources = repair ? [...(proxy === undefined ? [] : [proxy]), ...peers.map((peer) => peerSource(peer))] : []
    metrics.begin()
    const { checked, bytes, damaged, missing } = await scrub(
      { store, state, codec },
      {
        repair: sources,
        quarantine,
        rate,
        signal,
        onProgress: note,
        ...(proxy === undefined ? {} : { isCache: proxy.isCache }),
      },
    )
    log('info', 'verified blobs', { blobs: checked, bytes, damaged: damaged.length, missing: missing.length })
  }
  const runs = schedule(work, { every: config.every, first: nextScrub(state, config.every, now()), onError })

  return {
    run: () => runs.run(),
    configure(next) {
      if (next.every !== config.every) runs.setInterval(next.every)
      config = next
    },
    metrics: metrics.all,
    [Symbol.asyncDispose]: () => runs[Symbol.asyncDispose](),
  }
}

function tell(log: Log, progress: ScrubProgress): void {
  if (progress.kind === 'damaged') {
    const { digest, problem, repositories, repaired, quarantined } = progress.damaged
    const where = { repositories: repositories.join(' '), quarantined }
    log('warn', repaired ? 'repaired a damaged blob' : 'found a damaged blob', { digest, problem, ...where })
  } else if (progress.kind === 'missing') {
    const { digest, repository, parent, repaired } = progress.missing
    log('warn', repaired ? 'fetched missing content' : 'found content missing', { digest, repository, parent })
  } else if (progress.kind === 'source-failed') {
    const { digest, error } = progress
    log('warn', 'got no good copy', { digest, error: error instanceof Error ? error.message : String(error) })
  }
}
