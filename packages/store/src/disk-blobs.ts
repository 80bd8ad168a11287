import { readdirSync, statSync, utimesSync } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodeCodec } from '@gantry/codec'
import { abortable, ImageError } from '@gantry/image'
import type { BlobReader, OpenOptions, PartialBlob, PutOptions } from '@gantry/image'
import { digestAlgorithm, isDigest } from '@gantry/oci'
import type { Descriptor, Digest, DigestAlgorithm } from '@gantry/oci'
import type { State } from '@gantry/state'
import { openBlobFile } from './blob-file.ts'
import type { Holder } from './holder.ts'
import type { LayoutPaths } from './layout-paths.ts'
import { openPartial } from './partial/open-partial.ts'
import { openStaging } from './staging.ts'
import type { StagedKey, Staging } from './staging.ts'
import { systemCode } from './store-error.ts'
import { createSyncDirectory } from './sync-directory.ts'
import type { SyncDirectory } from './sync-directory.ts'

/** A blob as it lies on the disk. */
export interface StoredBlob {
  readonly digest: Digest
  readonly size: number
  /** When it was put, or found to be there by somebody who wanted to put it; in milliseconds. */
  readonly used: number
}

/** The blobs on the disk: what is in `blobs/` is whole, verified and never changes. */
export class DiskBlobs {
  readonly paths: LayoutPaths
  readonly #codec: NodeCodec
  readonly #state: State
  readonly #holder: Holder
  readonly #syncDirectory: SyncDirectory = createSyncDirectory()
  #lastStaging = 0
  readonly #leastPartial: number

  constructor(parts: {
    paths: LayoutPaths
    codec: NodeCodec
    state: State
    holder: Holder
    leastPartial?: number | undefined
  }) {
    this.#leastPartial = parts.leastPartial ?? 4 * 1024 * 1024
    this.paths = parts.paths
    this.#codec = parts.codec
    this.#state = parts.state
    this.#holder = parts.holder
  }

  open(descriptor: Descriptor, options: OpenOptions = {}): Promise<BlobReader> {
    const path = this.paths.blob(descriptor.digest)
    const file = { path, place: 'the content store', codec: this.#codec, isOurs: true }
    return openBlobFile(descriptor, file, options)
  }

  async put(descriptor: Descriptor, body: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    if (this.touch(descriptor.digest) === descriptor.size) return
    await using staging = await this.stage(digestAlgorithm(descriptor.digest))
    for await (const chunk of abortable(body, options.signal)) {
      if (staging.size + chunk.length > descriptor.size) {
        throw new ImageError(
          'SIZE_MISMATCH',
          `Cannot store ${descriptor.digest}: more than the expected ${descriptor.size} bytes came`,
        )
      }
      await staging.write(chunk)
    }
    await staging.commit(descriptor)
  }

  async ingest(
    body: AsyncIterable<Uint8Array>,
    options: { readonly mediaType: string; readonly signal?: AbortSignal },
  ): Promise<Descriptor> {
    options.signal?.throwIfAborted()
    await using staging = await this.stage()
    for await (const chunk of abortable(body, options.signal)) await staging.write(chunk)
    return { mediaType: options.mediaType, ...(await staging.commit()) }
  }

  /** What there is of a blob that comes in parts; see `openPartial`. Small ones come as a whole. */
  async partial(descriptor: Descriptor, options: PutOptions = {}): Promise<PartialBlob | undefined> {
    if (descriptor.size < this.#leastPartial || this.touch(descriptor.digest) === descriptor.size) return undefined
    const isThere = (): boolean => this.touch(descriptor.digest) === descriptor.size
    return openPartial({ ...this.#parts(), isThere }, descriptor, options.signal)
  }

  /** A staging of this process; without `commit` nothing of it stays, also when the process dies. */
  async stage(algorithm: DigestAlgorithm = 'sha256'): Promise<Staging> {
    this.#lastStaging += 1
    const path = join(this.paths.ingest, `${this.#holder}-${process.hrtime.bigint()}-${this.#lastStaging}`)
    return openStaging(this.#parts(), { path, keep: false, algorithm })
  }

  /** A staging that stays until it is committed or discarded. The key is made of letters, digits and `-`. */
  async stageAs(key: string, algorithm: DigestAlgorithm = 'sha256'): Promise<Staging> {
    return openStaging(this.#parts(), { path: this.stagingPath(key), keep: true, algorithm })
  }

  /** What is staged under keys that begin so. */
  staged(prefix: string): readonly StagedKey[] {
    const start = `upload-${prefix}`
    return readdirSync(this.paths.ingest)
      .filter((name) => name.startsWith(start))
      .flatMap((name) => {
        const found = statSync(join(this.paths.ingest, name), { throwIfNoEntry: false })
        if (found === undefined) return []
        return [{ key: name.slice('upload-'.length), size: found.size, used: found.mtimeMs }]
      })
  }

  /** Removes what is staged under a key; false when nothing was. */
  async unstage(key: string): Promise<boolean> {
    const path = this.stagingPath(key)
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return false
    await rm(path, { force: true })
    return true
  }

  stagingPath(key: string): string {
    if (!/^[A-Za-z0-9-]{1,128}$/.test(key)) throw new TypeError(`Cannot stage as ${JSON.stringify(key)}: not a key`)
    return join(this.paths.ingest, `upload-${key}`)
  }

  /**
   * The size of a blob, or `undefined` when it is not there; and says that somebody counts on it from now on. The collector
   * takes the same lock, so what was found here is not removed under it.
   */
  touch(digest: Digest): number | undefined {
    const path = this.paths.blob(digest)
    const size = this.size(digest)
    if (size === undefined) return undefined
    return this.#state.transaction(() => {
      try {
        const now = Date.now() / 1000
        utimesSync(path, now, now)
        return size
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return undefined
        throw error
      }
    })
  }

  /** The size of a blob, or `undefined` when it is not there. */
  size(digest: Digest): number | undefined {
    return statSync(this.paths.blob(digest), { throwIfNoEntry: false })?.size
  }

  /** Removes a blob; false when it was not there. */
  async delete(digest: Digest): Promise<boolean> {
    const there = this.size(digest) !== undefined
    await rm(this.paths.blob(digest), { force: true })
    return there
  }

  /** All blobs, in no order. One that goes away meanwhile is left out. */
  async *list(): AsyncGenerator<StoredBlob> {
    for (const algorithm of ['sha256', 'sha512']) {
      for (const name of await names(join(this.paths.blobs, algorithm))) {
        const digest = `${algorithm}:${name}`
        if (!isDigest(digest)) continue
        const found = await stat(this.paths.blob(digest)).catch(() => undefined)
        if (found !== undefined) yield { digest, size: found.size, used: found.mtimeMs }
      }
    }
  }

  async makeDirectories(): Promise<void> {
    await mkdir(this.paths.root, { recursive: true, mode: 0o700 })
    await mkdir(this.paths.ingest, { recursive: true, mode: 0o700 })
    await mkdir(join(this.paths.blobs, 'sha256'), { recursive: true })
  }

  #parts(): { codec: NodeCodec; paths: LayoutPaths; syncDirectory: SyncDirectory } {
    return { codec: this.#codec, paths: this.paths, syncDirectory: this.#syncDirectory }
  }
}

async function names(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}
