import { existsSync, statSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import type { NodeCodec } from '@gantry/codec'
import {
  collect,
  findLayoutEntry,
  hasChildren,
  ImageError,
  layoutEntries,
  layoutReferrers,
  readerOf,
  referrerOf,
} from '@gantry/image'
import { isDigest, layoutFile, limits, parseLayoutFile, parseManifestOrIndex, refNameAnnotation } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { LayoutPaths } from '../layout-paths.ts'
import { describeBlob } from '../reach.ts'
import { StoreError, translateWriteError } from '../store-error.ts'
import { IndexFile } from './index-file.ts'
import { LayoutBlobs } from './layout-blobs.ts'
import type { LayoutDirectory } from './layout-directory.ts'
import { removeUnlisted } from './remove-unlisted.ts'

/** How a layout is opened. */
export interface OpenLayoutOptions {
  readonly codec: NodeCodec
  /** Makes an empty layout where there is none; otherwise there must be one. False by default. */
  readonly create?: boolean
}

/**
 * Opens a directory with an image layout.
 *
 * @throws {StoreError} LAYOUT_INVALID: there is none, or something else is there; STORE_UNAVAILABLE, STORE_FULL
 */
export async function openLayout(path: string, options: OpenLayoutOptions): Promise<LayoutDirectory> {
  const { codec, create = false } = options
  const paths = new LayoutPaths(path)
  if (create && isEmptyPlace(paths)) await makeLayout(paths)
  else await checkLayout(paths)
  const blobs = new LayoutBlobs(paths, codec)
  const index = new IndexFile(paths.index)
  const entries: LayoutDirectory['entries'] = async () =>
    layoutEntries({ schemaVersion: 2, manifests: await index.read() })

  const list = (descriptor: Descriptor): Promise<void> =>
    index.change((manifests) => {
      return manifests.some(({ digest }) => digest === descriptor.digest) ? manifests : [...manifests, descriptor]
    })

  const layout: LayoutDirectory = {
    path,
    entries,
    list,
    open: (descriptor, open) => blobs.open(descriptor, open),
    has: (descriptor) => blobs.has(descriptor),
    ingest: (body, ingest) => blobs.ingest(body, ingest),
    async put(descriptor, body, put) {
      if (!hasChildren(descriptor)) return blobs.put(descriptor, body, put)
      const bytes = await collect(body, Math.min(descriptor.size, limits.documentBytes))
      if (bytes === undefined) {
        throw new ImageError(
          'SIZE_MISMATCH',
          `Cannot store ${descriptor.digest}: more than the expected ${descriptor.size} bytes came`,
        )
      }
      await blobs.put(descriptor, readerOf(bytes), put)
      const referrer = referrerOf(descriptor, parseManifestOrIndex(bytes, descriptor.mediaType))
      // Nothing else would lead to it.
      if (referrer !== undefined) await list(referrer.descriptor)
    },
    async resolve(reference) {
      const found = findLayoutEntry(await entries(), reference)
      if (found !== undefined) return found.descriptor
      return isDigest(reference) ? describeBlob(blobs, reference) : undefined
    },
    async tag(reference, descriptor) {
      if (!(await blobs.has(descriptor))) {
        throw new ImageError('MANIFEST_UNKNOWN', `Cannot tag ${reference}: ${descriptor.digest} is not in the layout`)
      }
      const annotations = { ...descriptor.annotations, [refNameAnnotation]: reference }
      await index.change((manifests) => [
        ...manifests.filter((each) => nameOf(each) !== reference && !isPlain(each, descriptor)),
        { ...descriptor, annotations },
      ])
    },
    async untag(reference) {
      let removed = false
      await index.change((manifests) => {
        const left = manifests.filter((each) => nameOf(each) !== reference)
        removed = left.length < manifests.length
        return removed ? left : manifests
      })
      return removed
    },
    async unlist(digest) {
      let removed = false
      await index.change((manifests) => {
        const left = manifests.filter((each) => each.digest !== digest || nameOf(each) !== undefined)
        removed = left.length < manifests.length
        return removed ? left : manifests
      })
      return removed
    },
    async *referrers(digest, artifactType) {
      yield* layoutReferrers({ entries: await entries(), source: blobs }, digest, artifactType)
    },
    removeUnlisted: ({ grace = 3_600_000 } = {}) => removeUnlisted(blobs, index, grace),
  }
  return layout
}

function nameOf({ annotations }: Descriptor): string | undefined {
  return annotations?.[refNameAnnotation]
}

/** The same content, listed without a name only so that it can be found. */
function isPlain(each: Descriptor, { digest }: Descriptor): boolean {
  return each.digest === digest && Object.keys(each.annotations ?? {}).length === 0
}

function isEmptyPlace(paths: LayoutPaths): boolean {
  if (existsSync(paths.layout)) return false
  const there = statSync(paths.root, { throwIfNoEntry: false })
  if (there?.isDirectory() === false) throw invalid(paths, 'it is no directory')
  // A directory with other things in it is not ours to fill; one that umoci or a crash left half-made is.
  if (existsSync(paths.index)) throw invalid(paths, 'it has an index.json and no oci-layout file')
  return true
}

async function makeLayout(paths: LayoutPaths): Promise<void> {
  try {
    await mkdir(paths.blobs, { recursive: true })
    const temporary = `${paths.layout}.${process.pid}`
    await writeFile(temporary, layoutFile)
    await rename(temporary, paths.layout)
  } catch (error) {
    throw translateWriteError(error, paths.root)
  }
}

async function checkLayout(paths: LayoutPaths): Promise<void> {
  const bytes = await readFile(paths.layout).catch((cause: unknown) => {
    throw invalid(paths, 'it has no oci-layout file', cause)
  })
  parseLayoutFile(bytes)
}

function invalid({ root }: LayoutPaths, problem: string, cause?: unknown): StoreError {
  const message = `Cannot open ${JSON.stringify(root)} as an OCI image layout: ${problem}`
  return new StoreError('LAYOUT_INVALID', message, cause === undefined ? {} : { cause })
}
