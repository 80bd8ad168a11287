import type { DigestAlgorithm } from '@gantry/oci'
import type { RegistryStorage, UploadStaging } from './storage.ts'

/** After this time without a request a session's file is closed, to be opened again by the next; in milliseconds. */
const idleTime = 60_000

interface Session {
  readonly staging: Promise<UploadStaging>
  /** Settles when the request before is done: requests to one session go one after the other. */
  tail: Promise<unknown>
  idle?: NodeJS.Timeout
}

/** Uploads that this process has open, so that their hash need not be computed from the start for each chunk. */
export class UploadSessions {
  readonly #storage: RegistryStorage
  readonly #open = new Map<string, Session>()

  constructor(storage: RegistryStorage) {
    this.#storage = storage
  }

  /** Works on an upload, after whoever is working on it. The algorithm counts when it is opened: a hint, no more. */
  async use<T>(
    id: string,
    work: (staging: UploadStaging) => Promise<T>,
    algorithm: DigestAlgorithm = 'sha256',
  ): Promise<T> {
    const session = this.#session(id, algorithm)
    const before = session.tail
    const turn = (async () => {
      await before.catch(() => undefined)
      clearTimeout(session.idle)
      return work(await session.staging)
    })()
    session.tail = turn.catch(() => undefined)
    try {
      return await turn
    } finally {
      if (this.#open.get(id) === session) {
        clearTimeout(session.idle)
        session.idle = setTimeout(() => void this.#release(id), idleTime).unref()
      }
    }
  }

  /** Ends an upload and removes what came of it. Inside `use`, or when nobody works on it. */
  async discard(id: string): Promise<void> {
    const session = this.#session(id)
    this.#open.delete(id)
    clearTimeout(session.idle)
    const staging = await session.staging
    await staging.discard()
  }

  /** Closes an upload that was committed. */
  async end(id: string): Promise<void> {
    await this.#release(id)
  }

  /** Closes all; what came is kept for the next process. */
  async close(): Promise<void> {
    await Promise.all(
      [...this.#open].map(async ([id, session]) => {
        await session.tail
        await this.#release(id)
      }),
    )
  }

  async #release(id: string): Promise<void> {
    const session = this.#open.get(id)
    if (session === undefined) return
    this.#open.delete(id)
    clearTimeout(session.idle)
    const staging = await session.staging
    await staging[Symbol.asyncDispose]()
  }

  #session(id: string, algorithm: DigestAlgorithm = 'sha256'): Session {
    let session = this.#open.get(id)
    if (session === undefined) {
      session = { staging: this.#storage.stage(id, algorithm), tail: Promise.resolve() }
      session.staging.catch(() => this.#open.delete(id))
      this.#open.set(id, session)
    }
    return session
  }
}
