import { openImage } from '@gantry/image'
import {
  formatReference,
  isDigest,
  parsePlatform,
  parseReference,
  type Descriptor,
  type Digest,
  type ImageConfig,
  type Manifest,
  type Platform,
} from '@gantry/oci'
import { EngineError } from '../engine-error.ts'
import { containerManifests } from './image-usage.ts'
import type { ImageDetails } from './image-details.ts'
import type { ImageParts } from './images.ts'

/** What is read of an image's documents, which never change. */
interface Documents {
  readonly id: Digest
  readonly descriptor: Descriptor
  readonly manifest: Manifest
  readonly config: ImageConfig
  readonly size: number
}

/** An image, and how it was named. */
export interface FoundImage {
  readonly image: ImageDetails
  /** The full name it was found by; absent when it was found by its id. */
  readonly name: string | undefined
}

/** More than that are read anew with each list. A thousand take about 10 MB. */
const remembered = 4096
/** A list reads no more of them at a time: each has its buffers. */
const readAtOnce = 16

/** A list, and what it was made from. */
interface Listed {
  readonly names: ReturnType<ImageParts['store']['names']>
  readonly used: readonly Digest[]
  readonly images: readonly ImageDetails[]
}

/** Finds and lists images. Documents are read once and remembered, and so is the list while no name changes. */
export class ImageCatalog {
  readonly #parts: ImageParts
  readonly #documents = new Map<string, Promise<Documents>>()
  #listed: Listed | undefined

  constructor(parts: ImageParts) {
    this.#parts = parts
  }

  /** The documents of what a descriptor leads to, for a platform. */
  documents(root: Descriptor, platform?: string): Promise<Documents> {
    const key = `${root.digest} ${platform ?? ''}`
    const known = this.#documents.get(key)
    if (known !== undefined) return known
    const reading = this.#read(root, platform === undefined ? this.#parts.platform : parsePlatform(platform))
    this.#documents.set(key, reading)
    reading.catch(() => this.#documents.delete(key))
    const oldest = this.#documents.keys().next().value
    if (this.#documents.size > remembered && oldest !== undefined) this.#documents.delete(oldest)
    return reading
  }

  /** What a name, an id, a digest or the beginning of an id stands for. @throws EngineError IMAGE_UNKNOWN, IMAGE_AMBIGUOUS */
  async find(text: string): Promise<FoundImage> {
    const named = await this.resolve(text)
    if (named !== undefined) {
      const { digest } = named.descriptor
      const names = this.#parts.store.names().filter(({ descriptor }) => descriptor.digest === digest)
      const image = await this.#details(named.descriptor, names)
      return { image, name: named.name }
    }
    if (/^(sha256:)?[0-9a-f]{1,64}$/.test(text)) {
      const wanted = text.startsWith('sha256:') ? text : `sha256:${text}`
      const matches = (await this.list()).filter((each) => each.id.startsWith(wanted) || each.root.digest === wanted)
      if (matches.length > 1)
        throw new EngineError(
          'IMAGE_AMBIGUOUS',
          `ambiguous image ID prefix "${text}": it is that of ${matches.length} images`,
        )
      if (matches[0] !== undefined) return { image: matches[0], name: undefined }
    }
    throw new EngineError('IMAGE_UNKNOWN', `No such image: ${familiar(text)}`)
  }

  /** What a name stands for; undefined when it is not one, or not a local one. */
  async resolve(text: string): Promise<{ name: string; descriptor: Descriptor } | undefined> {
    if (isDigest(text)) return undefined
    let name: string
    try {
      name = formatReference(parseReference(text))
    } catch {
      return undefined
    }
    const descriptor = await this.#parts.store.resolve(text)
    return descriptor === undefined ? undefined : { name, descriptor }
  }

  /** All images with a name or a container, the newest first; the same list while nothing changes. One whose blobs are damaged is left out. */
  async list(): Promise<readonly ImageDetails[]> {
    const names = this.#parts.store.names()
    const used = containerManifests(this.#parts.state)
    const before = this.#listed
    if (before?.names === names && isSame(before.used, used)) return before.images
    const roots = new Map<Digest, Descriptor>()
    for (const { name, descriptor } of names) {
      if (!isAttachedTag(name)) roots.set(descriptor.digest, descriptor)
    }
    for (const digest of used) {
      if (roots.has(digest)) continue
      const descriptor = await this.#parts.store.resolve(digest)
      if (descriptor !== undefined) roots.set(digest, descriptor)
    }
    const named = Map.groupBy(names, ({ descriptor }) => descriptor.digest)
    const { read, isWhole } = await this.#detailsOf([...roots.values()], named)
    const byId = new Map<Digest, ImageDetails>()
    for (const image of read) {
      const known = byId.get(image.id)
      if (known === undefined || known.names.length === 0) byId.set(image.id, image)
      else
        byId.set(known.id, {
          ...known,
          names: [...new Set([...known.names, ...image.names])],
          targets: new Map([...known.targets, ...image.targets]),
        })
    }
    const images = newestFirst([...byId.values()])
    if (isWhole && roots.size <= remembered) this.#listed = { names, used, images }
    return images
  }

  /** What can be read of images, and whether that was all of it. */
  async #detailsOf(
    roots: readonly Descriptor[],
    named: ReadonlyMap<Digest, ReturnType<ImageParts['store']['names']>>,
  ): Promise<{ read: readonly ImageDetails[]; isWhole: boolean }> {
    const read: ImageDetails[] = []
    for (let at = 0; at < roots.length; at += readAtOnce) {
      const some = roots.slice(at, at + readAtOnce)
      const results = await Promise.allSettled(some.map((root) => this.#details(root, named.get(root.digest) ?? [])))
      for (const result of results) if (result.status === 'fulfilled') read.push(result.value)
    }
    return { read, isWhole: read.length === roots.length }
  }

  async #details(root: Descriptor, names: ReturnType<ImageParts['store']['names']>): Promise<ImageDetails> {
    const documents = await this.documents(root)
    const tagged = Math.max(0, ...names.map(({ created }) => created))
    return {
      ...documents,
      root,
      names: names.map(({ name }) => name),
      targets: new Map(names.map(({ name }) => [name, root.digest])),
      ...(names.length === 0 ? {} : { tagged }),
    }
  }

  async #read(root: Descriptor, platform: Platform): Promise<Documents> {
    const { store, codec } = this.#parts
    const image = await openImage(store, root, { codec, platform })
    const [manifest, config] = await Promise.all([image.manifest(), image.config()])
    const size = manifest.layers.reduce((sum, layer) => sum + layer.size, manifest.config.size)
    return { id: image.configDescriptor.digest, descriptor: image.descriptor, manifest, config, size }
  }
}

/** Whether a name is one of those that keep what refers to an image: `app:sha256-<hex>`, `app:sha256-<hex>.sig`. */
function isAttachedTag(name: string): boolean {
  return /:sha(?:256|512)-[0-9a-f]{64}(?:\.|$)/.test(name)
}

function newestFirst(images: readonly ImageDetails[]): readonly ImageDetails[] {
  const created = new Map(images.map((image) => [image, createdOf(image)]))
  return images.toSorted((a, b) => (created.get(b) ?? 0) - (created.get(a) ?? 0))
}

function createdOf({ config }: ImageDetails): number {
  return config.created === undefined ? 0 : Date.parse(config.created)
}

function isSame(one: readonly Digest[], other: readonly Digest[]): boolean {
  return one.length === other.length && one.every((digest, at) => digest === other[at])
}

/** How Docker's text names what it did not find. */
function familiar(text: string): string {
  if (/^(sha256:)?[0-9a-f]+$/.test(text) || text.includes('@')) return text
  return text.lastIndexOf(':') > text.lastIndexOf('/') ? text : `${text}:latest`
}
