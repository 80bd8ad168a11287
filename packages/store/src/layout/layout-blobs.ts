import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { statSync } from 'node:fs'
import type { NodeCodec } from '@gantry/codec'
import { abortable, ImageError } from '@gantry/image'
import type { BlobIngester, BlobReader, BlobSink, BlobSource, OpenOptions, PutOptions } from '@gantry/image'
import { digestAlgorithm, isDigest } from '@gantry/oci'
import type { Descriptor, Digest, DigestAlgorithm } from '@gantry/oci'
import { openBlobFile } from '../blob-file.ts'
import type { LayoutPaths } from '../layout-paths.ts'
import { openStaging } from '../staging.ts'
import type { Staging } from '../staging.ts'
import { systemCode, translateWriteError } from '../store-error.ts'
import { createSyncDirectory } from '../sync-directory.ts'

let lastStaging = 0

/** The blobs of a layout directory. Half-written ones are hidden files beside them, which other tools do not look at. */
export class LayoutBlobs implements BlobSource, BlobSink, BlobIngester {
  readonly paths: LayoutPaths
  readonly #codec: NodeCodec
  readonly #syncDirectory = createSyncDirectory()

  constructor(paths: LayoutPaths, codec: NodeCodec) {
    this.paths = paths
    this.#codec = codec
  }

  open(descriptor: Descriptor, options?: OpenOptions): Promise<BlobReader> {
    const { root } = this.paths
    const path = this.paths.blob(descriptor.digest)
    return openBlobFile(descriptor, { path, place: `the layout ${JSON.stringify(root)}`, codec: this.#codec }, options)
  }

  /** Whether it is there; it counts as used now then. */
  async has({ digest, size }: Descriptor): Promise<boolean> {
    if (this.size(digest) !== size) return false
    const now = Date.now() / 1000
    await utimes(this.paths.blob(digest), now, now).catch(() => undefined)
    return true
  }

  size(digest: Digest): number | undefined {
    return statSync(this.paths.blob(digest), { throwIfNoEntry: false })?.size
  }

  async put(descriptor: Descriptor, body: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    const { digest, size } = descriptor
    if (await this.has(descriptor)) return
    await using staging = await this.#stage(digestAlgorithm(digest))
    for await (const chunk of abortable(body, options.signal)) {
      if (staging.size + chunk.length > size) {
        throw new ImageError('SIZE_MISMATCH', `Cannot store ${digest}: more than the expected ${size} bytes came`)
      }
      await staging.write(chunk)
    }
    await staging.commit(descriptor)
  }

  async ingest(
    body: AsyncIterable<Uint8Array>,
    { mediaType, signal }: { readonly mediaType: string; readonly signal?: AbortSignal },
  ): Promise<Descriptor> {
    signal?.throwIfAborted()
    await using staging = await this.#stage('sha256')
    for await (const chunk of abortable(body, signal)) await staging.write(chunk)
    return { mediaType, ...(await staging.commit()) }
  }

  /** All blobs, in no order. */
  async *list(): AsyncGenerator<{ readonly digest: Digest; readonly size: number; readonly used: number }> {
    for (const algorithm of ['sha256', 'sha512']) {
      for (const name of await namesIn(join(this.paths.blobs, algorithm))) {
        const digest = `${algorithm}:${name}`
        if (!isDigest(digest)) continue
        const found = await stat(this.paths.blob(digest)).catch(() => undefined)
        if (found !== undefined) yield { digest, size: found.size, used: found.mtimeMs }
      }
    }
  }

  async delete(digest: Digest): Promise<void> {
    await rm(this.paths.blob(digest), { force: true })
  }

  async #stage(algorithm: DigestAlgorithm): Promise<Staging> {
    lastStaging += 1
    const directory = join(this.paths.blobs, algorithm)
    const path = join(directory, `.${process.pid}-${process.hrtime.bigint()}-${lastStaging}.partial`)
    try {
      await mkdir(directory, { recursive: true })
    } catch (error) {
      throw translateWriteError(error, this.paths.root)
    }
    const parts = { codec: this.#codec, paths: this.paths, syncDirectory: this.#syncDirectory }
    return openStaging(parts, { path, keep: false, algorithm })
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}
