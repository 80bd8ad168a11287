import { createWriteStream, existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { BlobSource, GrowingFile, Image, Layer } from '@gantry/image'
import { directory, type Ledger } from '@gantry/linux'
import { layerCompression, type Digest } from '@gantry/oci'
import { layerOwner } from './layer-owner.ts'
import type { OverlayFormat } from './overlay-format.ts'
import { SnapshotError } from './snapshot-error.ts'
import type { LayerRow, SnapshotTable } from './snapshot-table.ts'
import type { SnapshotWorkers } from './snapshot-workers.ts'
import type { UnpackOptions } from './snapshots.ts'
import type { Unpacked } from './worker-calls.ts'

/** What layers are unpacked with. */
export interface UnpackerParts {
  readonly directory: string
  readonly ledger: Ledger
  readonly table: SnapshotTable
  readonly format: OverlayFormat
  readonly workers: SnapshotWorkers
}

/** So many layers may be unpacked while they come, beside those that are there: they may have to wait for long. */
const mostFollowed = availableParallelism()

/** What a layer waits for: those below it, and its blob. */
interface Waits {
  readonly below: Promise<void>
  readonly ready: () => Promise<void>
}

/** A layer on its way to being committed. */
interface Step {
  readonly source: BlobSource
  readonly layer: Layer
  readonly chain: Digest
  readonly parent: Digest | undefined
}

interface ExtractOptions extends UnpackOptions {
  /** The blob's file, if it is still on its way. */
  readonly growing?: GrowingFile | undefined
}

/**
 * Unpacks the layers of images: all at once on the worker threads, then committed one after the other from the lowest, since
 * what a layer does not describe itself comes from those below. A layer that several images want at once is unpacked once.
 */
export class LayerUnpacker {
  readonly #parts: UnpackerParts
  readonly #underway = new Map<Digest, Promise<void>>()
  #following = 0
  #recovered: Promise<unknown> | undefined

  constructor(parts: UnpackerParts) {
    this.#parts = parts
  }

  /** Commits every layer of the image that is missing. `chain` holds its chain IDs. */
  async unpack(image: Image, chain: readonly Digest[], options: UnpackOptions): Promise<void> {
    const layers = await image.layers()
    const steps = layers.flatMap((layer, index): Step[] => {
      const id = chain[index]
      // Of an image that is put together in memory the layers are in another source all the same.
      const source = image.source.behind?.(layer.descriptor) ?? image.source
      return id === undefined ? [] : [{ source, layer, chain: id, parent: chain[index - 1] }]
    })
    if (steps.length !== chain.length) {
      throw new SnapshotError(
        'LAYER_INVALID',
        `Cannot unpack ${image.descriptor.digest}: it has ${String(layers.length)} layers and ${String(chain.length)} diff IDs`,
      )
    }
    // What a killed process left of its unpacking goes first; once a process is enough.
    await (this.#recovered ??= this.#parts.ledger.recover())
    const failed = new AbortController()
    const signal = options.signal === undefined ? failed.signal : AbortSignal.any([options.signal, failed.signal])
    let below: Promise<void> = Promise.resolve()
    const all = steps.map((step) => {
      below = this.#once(step, below, { ...options, signal })
      below.catch((error: unknown) => failed.abort(error))
      return below
    })
    const results = await Promise.allSettled(all)
    const failure = results.find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failed.signal.aborted ? failed.signal.reason : failure.reason
  }

  #once(step: Step, below: Promise<void>, options: UnpackOptions): Promise<void> {
    const report = (state: 'exists' | 'start' | 'done', bytes: number): void =>
      options.onProgress?.({ diffId: step.layer.diffId, state, bytes, total: step.layer.descriptor.size })
    if (this.#parts.table.layer(step.chain) !== undefined) {
      const ready = options.ready?.(step.layer) ?? Promise.resolve()
      return ready.then(() => report('exists', step.layer.descriptor.size))
    }
    const underway = this.#underway.get(step.chain)
    // Another caller's failure or abort is not ours: then we do it ourselves.
    if (underway !== undefined) return underway.catch(() => this.#once(step, below, options))
    const ready = async (): Promise<void> => {
      await options.ready?.(step.layer)
      report('start', 0)
    }
    const work = this.#commitArriving(step, { below, ready }, options).finally(() => this.#underway.delete(step.chain))
    this.#underway.set(step.chain, work)
    return work.then(() => report('done', step.layer.descriptor.size))
  }

  /** Unpacks while the blob comes, where it can be followed. What fails then is judged again when the blob is whole and verified. */
  async #commitArriving(step: Step, waits: Waits, options: UnpackOptions): Promise<void> {
    const growing = await options.arriving?.(step.layer)
    const ready = waits.ready()
    ready.catch(() => undefined)
    if (growing !== undefined && this.#following < mostFollowed) {
      let isReady = false
      ready.then(
        () => (isReady = true),
        () => undefined,
      )
      const onProgress: UnpackOptions['onProgress'] = (event) => {
        if (isReady) options.onProgress?.(event)
      }
      this.#following += 1
      try {
        return await this.#commit(step, { ...waits, ready, growing }, { ...options, onProgress })
      } catch {
        options.signal?.throwIfAborted()
      } finally {
        this.#following -= 1
      }
    }
    await ready
    await this.#commit(step, { ...waits, ready }, options)
  }

  async #commit(
    step: Step,
    { below, ready, growing }: { below: Promise<void>; ready: Promise<void>; growing?: GrowingFile },
    options: UnpackOptions,
  ): Promise<void> {
    const { ledger, table, directory: base } = this.#parts
    const n = table.nextNumber()
    const owner = layerOwner(n)
    const path = join(base, String(n))
    const signal = options.signal === undefined ? {} : { signal: options.signal }
    try {
      const why = `layer ${step.layer.diffId} of an image, unpacked`
      await ledger.apply(owner, [directory({ path, mode: 0o700, children: ['fs'] }, why)], signal)
      const unpacked = await this.#extract(step, path, { ...options, growing })
      await ready
      await below
      await this.#complete(step, join(path, 'fs'), unpacked, options)
      const now = Date.now()
      const row: LayerRow = {
        n,
        chain: step.chain,
        // Nothing of what lies below such a layer is seen again.
        parent: unpacked.extracted.opaque ? null : (step.parent ?? null),
        diff_id: step.layer.diffId,
        bytes: unpacked.bytes,
        created: now,
        used: now,
      }
      // Together: a layer that is known has a directory that recovery leaves alone.
      const added = table.transaction(() => {
        const first = table.addLayer(row)
        if (first) ledger.settle(owner)
        return first
      })
      if (!added) await ledger.undo(owner)
    } catch (error) {
      // What cannot be taken back now stays in the ledger, for recovery: what went wrong first is what people need to hear.
      await ledger.undo(owner).catch(() => {})
      throw error
    }
  }

  async #extract({ layer, source }: Step, path: string, options: ExtractOptions): Promise<Unpacked> {
    const { descriptor, diffId } = layer
    const { growing } = options
    const whole = hasFiles(source) ? source.path(descriptor.digest) : undefined
    const follows = growing !== undefined && whole !== undefined
    const blob = follows
      ? { path: growing.path, [Symbol.asyncDispose]: () => Promise.resolve() }
      : await this.#blobOf(layer, whole, { spool: join(path, 'blob'), signal: options.signal })
    const call = {
      call: 'unpack',
      blob: blob.path,
      ...(follows ? { growing: { size: descriptor.size, whole } } : {}),
      compression: layerCompression(descriptor.mediaType),
      diffId,
      target: join(path, 'fs'),
      format: this.#parts.format,
    } as const
    try {
      return await this.#parts.workers.run<Unpacked>(call, {
        signal: options.signal,
        ...(follows ? { growing } : {}),
        onProgress: (bytes) => options.onProgress?.({ diffId, state: 'progress', bytes, total: descriptor.size }),
      })
    } finally {
      await blob[Symbol.asyncDispose]()
    }
  }

  async #complete(step: Step, target: string, { extracted }: Unpacked, options: UnpackOptions): Promise<void> {
    if (extracted.implied.length === 0 && extracted.links.length === 0) return
    const { table, workers, directory: base, format } = this.#parts
    const lineage = step.parent === undefined ? [] : (table.lineage(step.parent) ?? [])
    const lowers = lineage.map((row) => join(base, String(row.n), 'fs'))
    await workers.run<undefined>({ call: 'inherit', target, lowers, extracted, format }, { signal: options.signal })
  }

  /** The blob as a file: the store's own, or a copy in the layer's directory for sources that have none. */
  async #blobOf(
    layer: Layer,
    own: string | undefined,
    { spool, signal }: { readonly spool: string; readonly signal: AbortSignal | undefined },
  ): Promise<AsyncDisposable & { readonly path: string }> {
    if (own !== undefined && existsSync(own)) return { path: own, [Symbol.asyncDispose]: () => Promise.resolve() }
    const options = signal === undefined ? {} : { signal }
    const reader = await layer.open(options)
    await pipeline(reader, createWriteStream(spool, { flags: 'wx', mode: 0o600 }), options)
    return { path: spool, [Symbol.asyncDispose]: () => rm(spool, { force: true }) }
  }
}

/** Whether a source keeps its blobs as files, as the store does; a worker can then read them without the bytes passing here. */
function hasFiles(source: BlobSource): source is BlobSource & { path(digest: Digest): string } {
  return 'path' in source && typeof source.path === 'function'
}
