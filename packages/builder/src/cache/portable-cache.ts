import { type NetworkUse, parseUses } from '../egress/network-use.ts'
import { type Digest, isDigest } from '@gantry/oci'

/**
 * Build caches that travel. A cache is an OCI artifact:
 *
 *   manifest   artifactType application/vnd.gantry.buildcache.v1+json
 *   layers[0]  application/vnd.gantry.buildcache.index.v1+json: the index below
 *   layers[1…] layers of steps and files of cache mounts, as layers of images are (compressed where it is pushed)
 *
 * The index says by position which layer a key stands for. Keys are digests of everything that a step depends on, so any machine that
 * builds the same finds them; diff IDs are checked when a layer is taken. An image carries its own steps in an annotation instead.
 */
export const cacheArtifactType = 'application/vnd.gantry.buildcache.v1+json'
/** The media type of the first layer, which says what the others are. */
export const cacheIndexType = 'application/vnd.gantry.buildcache.index.v1+json'
/** The annotation of an image's manifest: `{"version":1,"steps":[{"key","layer","network"?}]}`, layers counted from 0. */
export const inlineAnnotation = 'vnd.gantry.buildcache.v1'

/** A step in a cache. */
export interface PortableStep {
  /** 64 hex digits. */
  readonly key: string
  /** The position of its layer in the manifest. */
  readonly layer: number
  readonly diffId: Digest
  readonly instruction: string
  /** What the step reached, where that was recorded. */
  readonly network?: readonly NetworkUse[]
}

/** The files of a cache mount in a cache. */
export interface PortableMount {
  readonly id: string
  readonly namespace: string
  readonly layer: number
  readonly diffId: Digest
}

/** What a cache has. */
export interface CacheIndex {
  readonly steps: readonly PortableStep[]
  readonly mounts: readonly PortableMount[]
}

const version = 1
const isKey = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)

/** The bytes of an index: the same for the same steps. */
export function encodeCacheIndex({ steps, mounts }: CacheIndex): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ version, steps, mounts }))
}

/** Reads an index; undefined when it is none. Entries that make no sense are left out. */
export function parseCacheIndex(bytes: Uint8Array): CacheIndex | undefined {
  const found = readObject(bytes)
  if (found === undefined || found['version'] !== version) return undefined
  return {
    steps: entriesOf(found['steps']).flatMap((entry) => {
      const { key, instruction } = entry
      const place = placeOf(entry)
      const network = networkOf(entry['network'])
      return isKey(key) && place !== undefined ? { key, ...place, instruction: textOf(instruction), ...network } : []
    }),
    mounts: entriesOf(found['mounts']).flatMap((entry) => {
      const { id, namespace } = entry
      const place = placeOf(entry)
      return typeof id === 'string' && place !== undefined ? { id, namespace: textOf(namespace), ...place } : []
    }),
  }
}

/** What the annotation of an image says. */
export type InlineSteps = readonly Pick<PortableStep, 'key' | 'layer' | 'network'>[]

/** The annotation's text. */
export function encodeInline(steps: InlineSteps): string {
  return JSON.stringify({ version, steps })
}

/** Reads the annotation; empty when it is none. */
export function parseInline(text: string): InlineSteps {
  const found = readObject(new TextEncoder().encode(text))
  if (found === undefined || found['version'] !== version) return []
  return entriesOf(found['steps']).flatMap(({ key, layer, network }) =>
    isKey(key) && isPosition(layer) ? { key, layer, ...networkOf(network) } : [],
  )
}

function readObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const found: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function entriesOf(value: unknown): readonly Record<string, unknown>[] {
  if (!Array.isArray(value)) return []
  return (value as readonly unknown[]).filter(
    (entry): entry is Record<string, unknown> => typeof entry === 'object' && entry !== null,
  )
}

function placeOf({ layer, diffId }: Record<string, unknown>): { layer: number; diffId: Digest } | undefined {
  return isPosition(layer) && typeof diffId === 'string' && isDigest(diffId) ? { layer, diffId } : undefined
}

function networkOf(value: unknown): { readonly network?: readonly NetworkUse[] } {
  return Array.isArray(value) ? { network: parseUses(value) } : {}
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
