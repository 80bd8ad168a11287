import { isDigest } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { isDocument } from './document-types.ts'
import type { HttpResponse } from './transport/transport.ts'

/** What a registry says about a manifest beside its bytes; `undefined` when it does not say all, or says what cannot be. */
export function describeAnswer(response: HttpResponse, target: string): Descriptor | undefined {
  const digest = response.header('docker-content-digest') ?? (isDigest(target) ? target : '')
  const mediaType = response.header('content-type')?.split(';')[0]?.trim() ?? ''
  const size = Number(response.header('content-length') ?? Number.NaN)
  if (!isDigest(digest) || !Number.isSafeInteger(size) || size <= 0) return undefined
  const described = { mediaType, digest, size }
  return !isDocument(described) || (isDigest(target) && target !== digest) ? undefined : described
}
