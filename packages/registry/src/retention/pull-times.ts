import { isDigest } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { Answer } from '../exchange.ts'
import type { RegistryEvent } from '../registry-event.ts'
import { parseRoute } from '../route.ts'
import { steadyNow } from '../clock/steady-clock.ts'

/** When a manifest was pulled last, in milliseconds, and how often in all. */
export interface Pulled {
  readonly pulled: number
  readonly count: number
}

/** How often what was noted is written, in milliseconds. */
const writeEvery = 30_000
/** Sooner than that when so many manifests have been pulled. */
const mostNoted = 10_000
/** How long a manifest that a client looked for counts as being in use, in milliseconds. */
const recently = 10 * 60_000

/** Notes pulls in memory and writes them together, so that a pull costs no writing. Disposing of it writes the rest. */
export class PullTimes implements AsyncDisposable {
  readonly #state: State
  readonly #now: () => number
  readonly #onError: ((error: unknown) => void) | undefined
  #noted = new Map<string, Pulled>()
  readonly #looked = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(
    state: State,
    options: { readonly now?: () => number; readonly onError?: (error: unknown) => void } = {},
  ) {
    this.#state = state
    this.#now = options.now ?? steadyNow
    this.#onError = options.onError
  }

  /** Takes an event in: that of a pull counts. */
  note({ kind, repository, digest, at }: RegistryEvent): void {
    if (kind !== 'pull' || digest === undefined) return
    const key = keyOf(repository, digest)
    this.#noted.set(key, { pulled: at, count: (this.#noted.get(key)?.count ?? 0) + 1 })
    this.#look(key, at)
    if (this.#noted.size >= mostNoted) this.#flushQuietly()
    else this.#timer ??= setTimeout(() => this.#flushQuietly(), writeEvery).unref()
  }

  /** Notes what clients look for before they push or pull: they are about to count on it. */
  before(next: Answer): Answer {
    return async (request) => {
      const response = await next(request)
      if (request.method !== 'HEAD' || response.status !== 200) return response
      const route = parseRoute(request.path)
      const digest = response.headers['Docker-Content-Digest']
      if (route?.kind === 'manifest' && digest !== undefined) this.#look(keyOf(route.repository, digest), this.#now())
      return response
    }
  }

  /** What clients of this process have looked for or pulled in the last ten minutes. */
  recent(repository: string): ReadonlySet<Digest> {
    const found = new Set<Digest>()
    const since = this.#now() - recently
    for (const [key, at] of this.#looked) {
      const [name = '', digest = ''] = key.split(' ')
      if (at < since) this.#looked.delete(key)
      else if (name === repository && isDigest(digest)) found.add(digest)
    }
    return found
  }

  /** Writes what was noted. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#noted.size === 0) return
    const noted = this.#noted
    const insert = this.#state.prepare(
      `INSERT INTO registry_pulls (repository, digest, pulled, count) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET pulled = max(pulled, excluded.pulled), count = count + excluded.count`,
    )
    this.#state.transaction(() => {
      for (const [key, { pulled, count }] of noted) {
        const [repository = '', digest = ''] = key.split(' ')
        insert.run(repository, digest, pulled, count)
      }
    })
    this.#noted = new Map()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.flush()
  }

  #look(key: string, at: number): void {
    this.#looked.delete(key)
    this.#looked.set(key, at)
    if (this.#looked.size <= mostNoted) return
    const [oldest] = this.#looked.keys()
    if (oldest !== undefined) this.#looked.delete(oldest)
  }

  /** What could not be written is tried again with what comes next. */
  #flushQuietly(): void {
    try {
      this.flush()
    } catch (error) {
      this.#onError?.(error)
    }
  }
}

/** When the manifests of a repository were pulled last, as far as it is written. */
export function lastPulls(state: State, repository: string): ReadonlyMap<Digest, Pulled> {
  const rows = state.prepare('SELECT digest, pulled, count FROM registry_pulls WHERE repository = ?').all(repository)
  return new Map(
    rows.map((row) => [row['digest'] as Digest, { pulled: Number(row['pulled']), count: Number(row['count']) }]),
  )
}

/** Neither a repository's name nor a digest has a space in it. */
function keyOf(repository: string, digest: string): string {
  return `${repository} ${digest}`
}
