import { readDocument } from '@gantry/image'
import { formatPlatform, isIndexType, isManifestType, MediaType, parseManifestOrIndex } from '@gantry/oci'
import type { Descriptor, Digest, ManifestOrIndex, Platform } from '@gantry/oci'
import type { RegistryStorage } from '../storage.ts'

/** What a manifest or index says of itself. */
export interface ContentDetails {
  /** `linux/arm64/v8`; none of an artifact. */
  readonly platforms: readonly string[]
  readonly artifactType?: string
  /** Of it and everything it leads to, each once, as far as it is here. */
  readonly bytes: number
}

const mostRemembered = 5000
const mostPlatforms = 256
const imageConfigs: readonly string[] = [MediaType.imageConfig, 'application/vnd.docker.container.image.v1+json']

/** Reads what manifests say of themselves, and remembers it: they never change. */
export class ContentReader {
  readonly #storage: RegistryStorage
  readonly #known = new Map<Digest, ContentDetails>()

  constructor(storage: RegistryStorage) {
    this.#storage = storage
  }

  /** `undefined` when it cannot be read: it is damaged, or has just gone. */
  async describe(descriptor: Descriptor): Promise<ContentDetails | undefined> {
    const known = this.#known.get(descriptor.digest)
    if (known !== undefined) return known
    const sizes = new Map<Digest, number>([[descriptor.digest, descriptor.size]])
    const content = await this.#read(descriptor)
    if (content === undefined) return undefined
    const platforms = await this.#platforms(content, sizes)
    const { artifactType } = content.kind === 'manifest' ? content.manifest : content.index
    const config = content.kind === 'manifest' ? content.manifest.config.mediaType : undefined
    const type = artifactType ?? (config === undefined || imageConfigs.includes(config) ? undefined : config)
    const details = {
      platforms: [...new Set(platforms)].slice(0, mostPlatforms),
      ...(type === undefined ? {} : { artifactType: type }),
      bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0),
    }
    if (this.#known.size >= mostRemembered) this.#known.clear()
    this.#known.set(descriptor.digest, details)
    return details
  }

  async #platforms(content: ManifestOrIndex, sizes: Map<Digest, number>): Promise<readonly string[]> {
    if (content.kind === 'manifest') {
      const { config, layers } = content.manifest
      for (const { digest, size } of [config, ...layers]) sizes.set(digest, size)
      return imageConfigs.includes(config.mediaType) ? this.#configPlatform(config) : []
    }
    const platforms: string[] = []
    for (const child of content.index.manifests.slice(0, mostPlatforms)) {
      if (child.platform !== undefined && child.platform.os !== 'unknown')
        platforms.push(formatPlatform(child.platform))
      if (sizes.has(child.digest) || !isManifestType(child.mediaType) || isIndexType(child.mediaType)) continue
      const inner = await this.#read(child)
      if (inner?.kind !== 'manifest') continue
      sizes.set(child.digest, child.size)
      for (const { digest, size } of [inner.manifest.config, ...inner.manifest.layers]) sizes.set(digest, size)
    }
    return platforms
  }

  async #configPlatform(config: Descriptor): Promise<readonly string[]> {
    try {
      const value: unknown = JSON.parse(new TextDecoder().decode(await readDocument(this.#storage, config)))
      if (typeof value !== 'object' || value === null) return []
      const { os, architecture, variant } = value as Readonly<Record<string, unknown>>
      if (typeof os !== 'string' || typeof architecture !== 'string') return []
      const platform: Platform = { os, architecture, ...(typeof variant === 'string' ? { variant } : {}) }
      return [formatPlatform(platform)]
    } catch {
      // A config that is not what it should be says nothing of a platform.
      return []
    }
  }

  async #read(descriptor: Descriptor): Promise<ManifestOrIndex | undefined> {
    try {
      return parseManifestOrIndex(await readDocument(this.#storage, descriptor), descriptor.mediaType)
    } catch {
      return undefined
    }
  }
}
