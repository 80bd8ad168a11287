import { digestOf } from '@gantry/codec'
import { collect } from '@gantry/image'
import {
  digestAlgorithm,
  isDigest,
  isIndexType,
  isManifestType,
  limits,
  MediaType,
  parseManifestOrIndex,
} from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import type { HttpResponse } from '@gantry/registry-client'
import type { ManifestToStore } from '../manifests.ts'
import type { ManifestReference } from '../route.ts'
import type { ProxyTarget } from './proxy-parts.ts'
import { UpstreamFailure } from './upstream-failure.ts'
import type { AttemptOptions } from './upstream.ts'

/** All of them, whatever our client accepts: what is stored is for everybody. */
const accept = [
  MediaType.imageIndex,
  MediaType.imageManifest,
  MediaType.dockerManifestList,
  MediaType.dockerManifest,
].join(', ')

/**
 * Fetches a manifest from the upstream and verifies it: its digest, and that it is a manifest at all.
 *
 * @throws {UpstreamFailure}
 */
export function fetchManifest(
  { upstream, remote }: ProxyTarget,
  reference: ManifestReference,
  options: AttemptOptions,
): Promise<Omit<ManifestToStore, 'tags'>> {
  return upstream.document(() =>
    upstream.attempt(async (endpoint) => {
      const { signal } = options
      const response = await endpoint.send({
        method: 'GET',
        repository: remote,
        rest: `manifests/${textOf(reference)}`,
        headers: { accept },
        signal,
      })
      const bytes = await collect(response.body, limits.documentBytes)
      if (bytes === undefined) throw wrong(endpoint.registry, `it has more than ${limits.documentBytes} bytes`)
      const said = response.header('docker-content-digest') ?? ''
      const expected = reference.kind === 'digest' ? reference.digest : isDigest(said) ? said : undefined
      const digest = digestOf(bytes, expected === undefined ? 'sha256' : digestAlgorithm(expected))
      if (expected !== undefined && digest !== expected) throw wrong(endpoint.registry, `its digest is ${digest}`)
      const mediaType = typeOf(response, bytes)
      const content = parseManifestOrIndex(bytes, mediaType)
      return { descriptor: { mediaType, digest, size: bytes.length }, bytes, content }
    }, options),
  )
}

/**
 * Asks the upstream what a tag or digest stands for, without fetching it; `undefined` when it does not say.
 *
 * @throws {UpstreamFailure}
 */
export function describeManifest(
  { upstream, remote }: ProxyTarget,
  reference: ManifestReference,
  options: AttemptOptions,
): Promise<Descriptor | undefined> {
  return upstream.document(() =>
    upstream.attempt(async (endpoint) => {
      const response = await endpoint
        .send({
          method: 'HEAD',
          repository: remote,
          rest: `manifests/${textOf(reference)}`,
          headers: { accept },
          signal: options.signal,
        })
        .catch((error: unknown) => {
          if (error instanceof UpstreamFailure && error.status === 405) return undefined
          throw error
        })
      if (response === undefined) return undefined
      await response.discard()
      const digest = response.header('docker-content-digest') ?? (reference.kind === 'digest' ? reference.digest : '')
      const mediaType = typeIn(response)
      const size = Number(response.header('content-length') ?? Number.NaN)
      const isComplete = isDigest(digest) && mediaType !== undefined && Number.isSafeInteger(size) && size > 0
      if (!isComplete || (reference.kind === 'digest' && reference.digest !== digest)) return undefined
      return { mediaType, digest, size }
    }, options),
  )
}

/** A reference as it stands in paths. */
export function textOf(reference: ManifestReference): string {
  return reference.kind === 'tag' ? reference.tag : reference.digest
}

function typeIn(response: HttpResponse): string | undefined {
  const mediaType = response.header('content-type')?.split(';')[0]?.trim() ?? ''
  return isManifestType(mediaType) || isIndexType(mediaType) ? mediaType : undefined
}

/** Some static hosts do not know the types: what the document says of itself counts then. */
function typeOf(response: HttpResponse, bytes: Uint8Array): string {
  const said = typeIn(response)
  if (said !== undefined) return said
  const content = parseManifestOrIndex(bytes)
  const inside = content.kind === 'manifest' ? content.manifest.mediaType : content.index.mediaType
  return inside ?? (content.kind === 'manifest' ? MediaType.imageManifest : MediaType.imageIndex)
}

function wrong(registry: string, problem: string): UpstreamFailure {
  return new UpstreamFailure('unavailable', registry, {
    cause: new Error(`what came is not what was asked for: ${problem}`),
  })
}
