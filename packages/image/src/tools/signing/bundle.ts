import { encodeJson, parseJson } from '@gantry/oci'
import { ImageError } from '../../errors.ts'
import { memberOf, textOf } from './envelope.ts'

/** The media type of sigstore's bundles, and the artifact type of referrers that carry one. */
export const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/** What a bundle holds, as far as a key can verify it. */
export type Bundle =
  | {
      readonly kind: 'envelope'
      readonly payloadType: string
      readonly payload: Uint8Array
      readonly signatures: readonly Uint8Array[]
      /** The key that the bundle says it was signed with; only a hint. */
      readonly keyId: string | undefined
    }
  | {
      readonly kind: 'message'
      /** Name of the digest's algorithm as sigstore writes it: `SHA2_256`. */
      readonly algorithm: string
      readonly digest: Uint8Array
      readonly signature: Uint8Array
      readonly keyId: string | undefined
    }

/**
 * Writes a bundle with a DSSE envelope of one signature by a key.
 *
 * @see https://github.com/sigstore/protobuf-specs/blob/v0.5.0/protos/sigstore_bundle.proto
 */
export function encodeBundle(envelope: {
  readonly payloadType: string
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  readonly keyId: string
}): Uint8Array {
  const { payloadType, payload, signature, keyId } = envelope
  return encodeJson({
    mediaType: bundleType,
    verificationMaterial: { publicKey: { hint: keyId } },
    dsseEnvelope: { payload: payload.toBase64(), payloadType, signatures: [{ sig: signature.toBase64() }] },
  })
}

/**
 * Reads a bundle of version 0.1 to 0.3.
 *
 * @throws {ImageError} SIGNATURE_INVALID
 */
export function parseBundle(bytes: Uint8Array): Bundle {
  const value = parseJson(bytes, { what: 'sigstore bundle' })
  const mediaType = textOf(value, 'mediaType') ?? ''
  if (!/^application\/vnd\.dev\.sigstore\.bundle(?:\+json;version=0\.[1-3]|\.v0\.3\+json)$/.test(mediaType))
    fail('its media type is of none')
  const keyId = textOf(memberOf(memberOf(value, 'verificationMaterial'), 'publicKey'), 'hint')
  const envelope = memberOf(value, 'dsseEnvelope')
  if (envelope !== undefined) {
    const signatures = memberOf(envelope, 'signatures')
    if (!Array.isArray(signatures) || signatures.length === 0 || signatures.length > 16)
      return fail('it has no signature')
    return {
      kind: 'envelope',
      payloadType: textOf(envelope, 'payloadType') ?? fail('its payload has no type'),
      payload: base64(textOf(envelope, 'payload')),
      signatures: signatures.map((each: unknown) => base64(textOf(each, 'sig'))),
      keyId,
    }
  }
  const message = memberOf(value, 'messageSignature')
  if (message === undefined) return fail('it has neither an envelope nor a signature')
  const digest = memberOf(message, 'messageDigest')
  return {
    kind: 'message',
    algorithm: textOf(digest, 'algorithm') ?? '',
    digest: base64(textOf(digest, 'digest')),
    signature: base64(textOf(message, 'signature')),
    keyId,
  }
}

function base64(text: string | undefined): Uint8Array {
  if (text === undefined) return fail('a member is missing')
  try {
    // protobuf's JSON takes both alphabets.
    return Uint8Array.fromBase64(text.replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    return fail('a member is not base64')
  }
}

function fail(problem: string): never {
  throw new ImageError('SIGNATURE_INVALID', `Cannot read the sigstore bundle: ${problem}`)
}
