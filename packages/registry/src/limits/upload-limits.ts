import { isDigest } from '@gantry/oci'
import type { Answer, RegistryRequest, RegistryResponse } from '../exchange.ts'
import type { Route } from '../route.ts'
import { WireError } from '../wire-error.ts'
import { limitedBody } from './limited-body.ts'
import type { LimitsConfig } from './limits-config.ts'
import type { Quotas } from './quotas.ts'
import type { Usage } from './usage.ts'

/** What limits on sizes need. */
export interface UploadLimitParts {
  readonly config: LimitsConfig
  readonly quotas: Quotas
  readonly usage: Usage
  /** The size of a blob that may be mounted. */
  readonly sizeOf: (digest: string) => Promise<number | undefined>
  /** Notes what was pushed, for those whose quota it counts against. */
  readonly pushed: (request: RegistryRequest, repository: string, digest: string) => void
}

type BlobRoute = Extract<Route, { kind: 'uploads' | 'upload' }>
type ManifestRoute = Extract<Route, { kind: 'manifest' }>

/** Lets a part of a blob pass if all of the blob is small enough, and there is room for it. */
export async function limitBlob(
  parts: UploadLimitParts,
  request: RegistryRequest,
  { route, next }: { readonly route: BlobRoute; readonly next: Answer },
): Promise<RegistryResponse> {
  const { config, quotas } = parts
  const { repository } = route
  const before = route.kind === 'upload' ? await sizeSoFar(request, next) : 0
  const mount = route.kind === 'uploads' ? request.query.get('mount') : null
  const digest = mount ?? request.query.get('digest')
  const declared = Number(request.header('content-length') ?? 0)
  const size = before + (mount === null ? declared : ((await parts.sizeOf(mount)) ?? 0))
  const largest = config.maxBlobSize ?? Infinity
  try {
    if (mount === null && size > largest) throw tooLarge('blob', largest)
    using reserved = await quotas.reserve(request, {
      repository,
      size,
      ...(digest !== null && isDigest(digest) ? { digest } : {}),
    })
    const limit = Math.min(largest - before, declared + reserved.left)
    const refusal = largest - before <= limit ? () => tooLarge('blob', largest) : reserved.refusal
    const response = await next(limited(request, { limit, refusal }))
    if (response.status === 413 || response.status === 403) await discard(request, route, next)
    if (response.status === 201 && digest !== null) parts.pushed(request, repository, digest)
    return response
  } catch (error) {
    if (error instanceof WireError) await discard(request, route, next)
    throw error
  }
}

/** Lets a manifest pass if it is small enough, and there is room for it. */
export async function limitManifest(
  parts: UploadLimitParts,
  request: RegistryRequest,
  { route, next }: { readonly route: ManifestRoute; readonly next: Answer },
): Promise<RegistryResponse> {
  const { config, quotas } = parts
  const { repository, reference } = route
  const size = Number(request.header('content-length') ?? 0)
  const limit = config.maxManifestSize ?? Infinity
  const refusal = (): WireError => tooLarge('manifest', limit)
  if (size > limit) throw refusal()
  const digest = reference.kind === 'digest' ? { digest: reference.digest } : {}
  using reserved = await quotas.reserve(request, { repository, size, ...digest })
  const room = size + reserved.left
  const response = await next(
    limited(request, room < limit ? { limit: room, refusal: reserved.refusal } : { limit, refusal }),
  )
  const pushed = response.headers['Docker-Content-Digest']
  if (response.status === 201 && pushed !== undefined) parts.pushed(request, repository, pushed)
  return response
}

/** A body whose length is known has no more bytes than that: Node sees to it. */
function limited(
  request: RegistryRequest,
  options: { readonly limit: number; readonly refusal: () => WireError },
): RegistryRequest {
  if (options.limit === Infinity || request.header('content-length') !== undefined) return request
  return { ...request, body: limitedBody(request.body, options) }
}

/** Asks the registry how far the upload has come. */
async function sizeSoFar(request: RegistryRequest, next: Answer): Promise<number> {
  const { status, headers } = await next({ ...plain(request), method: 'GET' })
  const last = Number(/^0-(\d+)$/.exec(headers['Range'] ?? '')?.[1] ?? 0)
  return status === 204 && last > 0 ? last + 1 : 0
}

/** What was refused for its size cannot be gone on with. */
async function discard(request: RegistryRequest, route: BlobRoute, next: Answer): Promise<void> {
  if (route.kind === 'upload') await next({ ...plain(request), method: 'DELETE' })
}

/** The same request without its body and what belongs to that. */
function plain(request: RegistryRequest): RegistryRequest {
  return { ...request, query: new URLSearchParams(), header: () => undefined, body: nothing() }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function tooLarge(what: string, limit: number): WireError {
  return new WireError('SIZE_INVALID', `a ${what} has at most ${limit} bytes here`, { status: 413, detail: { limit } })
}
