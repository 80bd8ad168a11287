import { setTimeout as wait } from 'node:timers/promises'
import type { Digest } from '@gantry/oci'
import type { HttpResponse } from '@gantry/registry-client'
import type { RegistryStorage, UploadStaging } from '../storage.ts'
import { FillReader } from './fill-reader.ts'
import type { FillSource } from './fill-reader.ts'
import { FillWindow } from './fill-window.ts'
import type { Upstream } from './upstream.ts'
import type { UpstreamEndpoint } from './upstream-endpoint.ts'
import { UpstreamFailure } from './upstream-failure.ts'

/** What is fetched, and where it goes. */
export interface FillParts {
  readonly storage: RegistryStorage
  readonly upstream: Upstream
  /** The name of the repository at the upstream. */
  readonly repository: string
  readonly digest: Digest
  /** Shows the blob in the repository, when it is whole and verified. */
  readonly show: () => void
  /** Whether it goes on when nobody waits for it any more. */
  readonly finish: boolean
  readonly farRange: number
}

/** Kept in memory, beside what is on its way to the file, for those who read as quickly as it comes. */
const windowBytes = 2 * 1024 * 1024
/** A transfer that breaks is gone on with so often without coming further. */
const attempts = 5
const delay = 200
/** What counts as coming further. */
const enough = 64 * 1024

/**
 * A blob on its way from an upstream into the storage. Readers follow it while it comes: those at its end read from memory,
 * those behind it from the staging file. It becomes a blob when all of it has come and the digest is right; the last byte is
 * given to nobody before that, so that a client never takes for whole what is not.
 */
export class BlobFill implements FillSource {
  readonly farRange: number
  /** Settles with the blob being there, or not. */
  readonly done: Promise<void>
  /** Settles when the upstream has begun to answer, with the size of the blob as far as it says. */
  readonly started: Promise<number | undefined>
  readonly #parts: FillParts
  readonly #abort = new AbortController()
  readonly #window = new FillWindow()
  readonly #waiting = new Set<() => void>()
  readonly #start: PromiseWithResolvers<number | undefined> = Promise.withResolvers()
  #size: number | undefined
  #staging: UploadStaging | undefined
  #written = 0
  /** How far the staging file can be read, once it can be. */
  #landed = 0
  #state: 'filling' | 'whole' | 'failed' = 'filling'
  #isDone = false
  #failure: unknown
  #holders = 0

  constructor(parts: FillParts) {
    this.#parts = parts
    this.farRange = parts.farRange
    this.started = this.#start.promise
    this.started.catch(() => undefined)
    this.done = this.#run()
    this.done.catch(() => undefined)
  }

  get size(): number | undefined {
    return this.#size
  }

  get written(): number {
    return this.#written
  }

  get isWhole(): boolean {
    return this.#state === 'whole'
  }

  get failure(): unknown {
    return this.#state === 'failed' ? this.#failure : undefined
  }

  /** Whether somebody may still join: it has not been given up, and what came is still kept. */
  get isOpen(): boolean {
    if (this.#state === 'filling') return !this.#abort.signal.aborted
    return this.#state === 'whole' && this.#staging !== undefined
  }

  /** Whether it was given up on purpose. */
  get isCancelled(): boolean {
    return this.#abort.signal.aborted
  }

  /** Counts somebody who waits for it, until `release`. */
  hold(): void {
    this.#holders += 1
  }

  release(): void {
    this.#holders -= 1
    if (this.#holders > 0) return
    if (this.#isDone) void this.#close()
    else if (this.#state === 'whole') return
    else if (!this.#parts.finish) this.cancel(new Error('nobody waits for the blob any more'))
  }

  /** Gives it up. */
  cancel(reason: Error): void {
    this.#abort.abort(reason)
  }

  /** Reads the part of the blob; the reader holds the fill until it is closed. */
  read(start: number, end: number | undefined): FillReader {
    return new FillReader(this, start, end)
  }

  /** Calls once at the next change. */
  onChange(call: () => void): void {
    this.#waiting.add(call)
  }

  async at(position: number, most: number): Promise<Uint8Array> {
    const recent = this.#window.at(position)
    if (recent !== undefined) return recent
    const staging = this.#staging
    if (staging === undefined) throw new Error(`nothing is kept of ${this.#parts.digest}`)
    return staging.read(position, Math.min(most, this.#landed - position))
  }

  /** A part of the blob that is far from having come, as far as the upstream gives it by itself. */
  async far(start: number, end: number): Promise<Uint8Array | undefined> {
    const { upstream, repository, digest, farRange } = this.#parts
    const options = { isUrgent: false, signal: this.#abort.signal }
    try {
      return await upstream.document(async () => {
        if (start - this.#written <= farRange) return undefined
        const range = `bytes=${start}-${end - 1}`
        const { response } = await upstream.blob({ repository, digest, range }, options)
        if (response.status !== 206 || rangeOf(response)?.start !== start) {
          await response.discard()
          return undefined
        }
        const bytes = Buffer.allocUnsafeSlow(end - start)
        let length = 0
        for await (const chunk of response.body) {
          if (length + chunk.length > bytes.length) return undefined
          bytes.set(chunk, length)
          length += chunk.length
        }
        return length === bytes.length ? bytes : undefined
      })
    } catch {
      // It comes with the rest, then.
      return undefined
    }
  }

  async #run(): Promise<void> {
    const { upstream } = this.#parts
    try {
      await upstream.transfer(() => this.#fill())
    } catch (error) {
      this.#failure = error
      this.#state = 'failed'
      this.#start.reject(error)
      throw error
    } finally {
      this.#isDone = true
      this.#notify()
      if (this.#holders <= 0) await this.#close()
    }
  }

  async #fill(): Promise<void> {
    const { storage, digest, show } = this.#parts
    const { signal } = this.#abort
    let source = await this.#ask(0)
    this.#size = lengthOf(source.response)
    const staging = await storage.stage(undefined, digest.startsWith('sha512') ? 'sha512' : 'sha256')
    this.#staging = staging
    this.#start.resolve(this.#size)
    try {
      for (let attempt = 0, before = 0; ;) {
        const failure = await this.#take(source.response, staging)
        if (failure === undefined) break
        signal.throwIfAborted()
        source.endpoint.fail(failure)
        attempt = this.#written - before >= enough ? 1 : attempt + 1
        before = this.#written
        if (attempt >= attempts) throw new UpstreamFailure('unavailable', source.endpoint.registry, { cause: failure })
        await wait(delay * 2 ** attempt, undefined, { signal })
        source = await this.#ask(this.#written)
      }
      await this.#verify(staging, source.endpoint)
      // Whoever reads need not wait for the disk.
      this.#state = 'whole'
      this.#notify()
      await staging.commit({ digest })
    } catch (error) {
      await staging.discard()
      throw error
    }
    await storage.touch(digest)
    show()
  }

  async #verify(staging: UploadStaging, endpoint: UpstreamEndpoint): Promise<void> {
    const { digest } = this.#parts
    try {
      await staging.verify(digest)
    } catch (error) {
      const isWrong = error instanceof Error && 'code' in error && error.code === 'DIGEST_MISMATCH'
      throw isWrong ? endpoint.fail(new UpstreamFailure('unavailable', endpoint.registry, { cause: error })) : error
    }
  }

  async #ask(position: number): Promise<{ response: HttpResponse; endpoint: UpstreamEndpoint }> {
    const { upstream, repository, digest } = this.#parts
    const size = this.#size
    const range = position === 0 ? {} : { range: `bytes=${position}-${size === undefined ? '' : size - 1}` }
    return upstream.blob({ repository, digest, ...range }, { isUrgent: true, signal: this.#abort.signal })
  }

  /** Takes what comes. Gives the failure when it ended before its time. Errors of the storage are thrown. */
  async #take(response: HttpResponse, staging: UploadStaging): Promise<unknown> {
    const start = response.status === 206 ? rangeOf(response)?.start : 0
    if (start === undefined || start > this.#written) {
      await response.discard()
      return new Error('the upstream sent another range')
    }
    // A server that knows no ranges sends it all again.
    let skip = this.#written - start
    const chunks = response.body[Symbol.asyncIterator]()
    try {
      for (;;) {
        const next = await chunks.next().catch((error: unknown) => ({ failure: error }))
        this.#abort.signal.throwIfAborted()
        if ('failure' in next) return next.failure
        if (next.done === true) break
        const chunk = next.value.subarray(Math.min(skip, next.value.length))
        skip -= next.value.length - chunk.length
        if (chunk.length === 0) continue
        if (this.#size !== undefined && this.#written + chunk.length > this.#size) {
          return new Error('the upstream sent more than it said')
        }
        await this.#write(chunk, staging)
      }
    } finally {
      await chunks.return?.()
    }
    if (this.#size === undefined || this.#written === this.#size) return undefined
    return new Error(`the upstream ended after ${this.#written} of ${this.#size} bytes`)
  }

  async #write(chunk: Uint8Array, staging: UploadStaging): Promise<void> {
    await staging.write(chunk)
    this.#window.push(chunk)
    this.#written += chunk.length
    if (this.#window.bytes > windowBytes && staging.landed > 0) {
      // Opened while it is where it is: it moves when it is committed.
      if (this.#landed === 0) await staging.read(0, 0)
      this.#landed = staging.landed
      this.#window.shrink(windowBytes, this.#landed)
    }
    this.#notify()
  }

  #notify(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resolve of waiting) resolve()
  }

  async #close(): Promise<void> {
    const staging = this.#staging
    this.#staging = undefined
    await staging?.[Symbol.asyncDispose]()
  }
}

function lengthOf(response: HttpResponse): number | undefined {
  const length = response.header('content-length')
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined
}

function rangeOf(response: HttpResponse): { readonly start: number } | undefined {
  const [, start] = /^bytes (\d{1,15})-/.exec(response.header('content-range') ?? '') ?? []
  return start === undefined ? undefined : { start: Number(start) }
}
