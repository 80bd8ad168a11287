import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { parseDigest } from '@gantry/oci'
import type { Digest, DigestAlgorithm } from '@gantry/oci'
import { CodecError } from './codec-error.ts'
import { nextNumber } from './next-number.ts'
import { slabSize } from './slabs.ts'
import type { Slabs } from './slabs.ts'
import type { PooledWorker, WorkerPool } from './worker-pool.ts'

/** Where the bytes of an intake go beside the hash. */
export interface IntakeFile {
  readonly fd: number
  /** Writes on the calling thread's behalf; for what is too small for a worker. */
  write(bytes: Uint8Array, position: number): Promise<void>
}

/** What an intake works with. */
export interface IntakeParts {
  readonly pool: WorkerPool
  readonly slabs: Slabs
  readonly algorithm: DigestAlgorithm
  /** Opened when the first bytes are to be written. Absent: only hashed. */
  readonly openFile?: () => Promise<IntakeFile>
  /** Bytes that the file already has; they are hashed first, by a worker. */
  readonly size: number
  /** Called as bytes have reached the file. */
  readonly onWritten?: (bytes: number) => void
}

/**
 * Takes the bytes of one stream: they are hashed and, if there is a file, written to it. What fits one slab is handled at once;
 * more goes to a worker. One call at a time: `write` is awaited before the next.
 */
export class StreamIntake {
  size: number
  readonly #parts: IntakeParts
  #file: IntakeFile | undefined
  #slab: SharedArrayBuffer | undefined
  #filled = 0
  /** How much of `size` has left the slab. */
  #sent: number
  #landed: number
  #inline: Hash | undefined
  #worker: PooledWorker | undefined
  readonly #job: number = nextNumber()
  readonly #flying = new Set<Promise<void>>()
  #failure: unknown

  constructor(parts: IntakeParts) {
    this.#parts = parts
    this.size = parts.size
    this.#sent = parts.size
    this.#landed = parts.size
    if (parts.size === 0) this.#inline = createHash(parts.algorithm)
  }

  /** How much of `size` is in the file. */
  get landed(): number {
    return this.#landed
  }

  /** Copies the chunk. Returns a promise only when the caller must wait. Throws what went wrong with earlier bytes. */
  write(chunk: Uint8Array): void | Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#slab === undefined || chunk.length > slabSize - this.#filled) return this.#writeSlowly(chunk)
    this.#copy(this.#slab, chunk)
  }

  /** Resolves when everything taken so far is hashed and in the file. */
  async flush(): Promise<void> {
    if (this.#filled > 0) await this.#send()
    await this.#landAll()
    // Between two flushes there may be days: an upload waits for its client.
    if (this.#slab !== undefined) this.#parts.slabs.give(this.#slab)
    this.#slab = undefined
  }

  /** The digest of everything taken so far. For another algorithm than the one asked for at the start the file is read again. */
  async digest(algorithm: DigestAlgorithm): Promise<Digest> {
    await this.flush()
    const tracked = algorithm === this.#parts.algorithm
    if (!tracked && this.#parts.openFile === undefined) {
      throw new CodecError(
        'DIGEST_UNSUPPORTED',
        `Cannot compute ${algorithm}: the bytes were hashed with ${this.#parts.algorithm}`,
      )
    }
    if (this.#inline !== undefined && (tracked || this.size === 0)) {
      const hash = tracked ? this.#inline.copy() : createHash(algorithm)
      return parseDigest(`${algorithm}:${hash.digest('hex')}`)
    }
    const worker = await this.#onWorker()
    const hex = await worker.ask({ kind: 'digest', job: this.#job, call: nextNumber(), algorithm })
    return parseDigest(`${algorithm}:${hex}`)
  }

  /** Ends the stream: waits for what is under way, gives everything back. The file is the caller's to close. Never throws. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#flying)
    if (this.#slab !== undefined) this.#parts.slabs.give(this.#slab)
    this.#slab = undefined
    this.#filled = 0
    if (this.#worker !== undefined) {
      this.#worker.tell({ kind: 'close', job: this.#job })
      this.#parts.pool.release(this.#worker)
    }
    this.#worker = undefined
    this.#failure ??= new CodecError('CODEC_CLOSED', 'Cannot take more bytes: the stream is closed')
  }

  async #writeSlowly(chunk: Uint8Array): Promise<void> {
    let rest = chunk
    while (rest.length > 0) {
      if (this.#filled === slabSize) await this.#sendToWorker()
      this.#slab ??= await this.#takeSlab()
      const part = rest.subarray(0, slabSize - this.#filled)
      this.#copy(this.#slab, part)
      rest = rest.subarray(part.length)
    }
  }

  #copy(slab: SharedArrayBuffer, chunk: Uint8Array): void {
    new Uint8Array(slab).set(chunk, this.#filled)
    this.#filled += chunk.length
    this.size += chunk.length
  }

  async #takeSlab(): Promise<SharedArrayBuffer> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      const slab = this.#parts.slabs.take(this.#flying.size)
      if (slab !== undefined) return slab
      await Promise.race(this.#flying)
    }
  }

  /** Small streams, also when they come in small parts, are not worth a worker. */
  async #send(): Promise<void> {
    if (this.#inline === undefined || this.size > slabSize) return this.#sendToWorker()
    if (this.#slab === undefined) return
    const bytes = new Uint8Array(this.#slab, 0, this.#filled)
    this.#inline.update(bytes)
    const file = await this.#openFile()
    try {
      await file?.write(bytes, this.#sent)
    } catch (error) {
      this.#failure = error
      throw error
    }
    this.#advance(this.#filled)
    this.#filled = 0
  }

  async #sendToWorker(): Promise<void> {
    const worker = await this.#onWorker()
    const slab = this.#slab
    if (slab === undefined) return
    const length = this.#filled
    const position = this.#sent
    this.#slab = undefined
    this.#filled = 0
    this.#sent += length
    const sent = worker
      .ask({ kind: 'chunk', job: this.#job, call: nextNumber(), slab, length, position })
      .then(() => this.#land(length))
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .finally(() => {
        this.#flying.delete(sent)
        this.#parts.slabs.give(slab)
      })
    this.#flying.add(sent)
  }

  #advance(length: number): void {
    this.#sent += length
    this.#land(length)
  }

  #land(length: number): void {
    this.#landed += length
    this.#parts.onWritten?.(length)
  }

  async #onWorker(): Promise<PooledWorker> {
    if (this.#worker !== undefined) return this.#worker
    const file = await this.#openFile()
    const worker = this.#parts.pool.acquire()
    // What is in the file already is hashed again by the worker: at most one slab, or an upload that is taken up again.
    worker.tell({
      kind: 'open',
      job: this.#job,
      algorithm: this.#parts.algorithm,
      ...(file === undefined ? {} : { fd: file.fd }),
      size: this.#sent,
    })
    this.#inline = undefined
    this.#worker = worker
    return worker
  }

  async #openFile(): Promise<IntakeFile | undefined> {
    this.#file ??= await this.#parts.openFile?.()
    return this.#file
  }

  async #landAll(): Promise<void> {
    while (this.#flying.size > 0) await Promise.race(this.#flying)
    if (this.#failure !== undefined) throw this.#failure
  }
}
