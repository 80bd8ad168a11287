import {
  digestAlgorithm,
  digestHex,
  isManifestType,
  parseJson,
  parseManifest,
  type Descriptor,
  type Digest,
  type Manifest,
} from '@gantry/oci'
import type { BlobSource } from '../../blob.ts'
import type { Hashing } from '../../codec.ts'
import { ImageError } from '../../errors.ts'
import { readDocument } from '../../read-document.ts'
import type { ReferrerLister } from '../../tags.ts'
import { bundleType, parseBundle, type Bundle } from './bundle.ts'
import { memberOf, parseStatement, preAuthentication, statementType, textOf, textsOf } from './envelope.ts'
import { signaturePredicate } from './sign-image.ts'
import type { Verifier } from './signer.ts'

/** Where signatures of an image are looked for. */
export interface SignedPlace {
  readonly blobs: BlobSource
  /** Lists bundles, as cosign 3 writes them; none are found where it is absent. */
  readonly referrers?: ReferrerLister
  /** Finds a tag beside the image, such as `sha256-<hex>.sig` of cosign 1 and 2. */
  readonly sibling?: (tag: string) => Promise<Descriptor | undefined>
}

/** How an image is verified. */
export interface VerifyOptions {
  readonly codec: Hashing
  readonly keys: readonly Verifier[]
  /** The predicate that a statement must have. By default that of signatures. */
  readonly predicateType?: string
  /** Annotations that the signature must carry with these values. */
  readonly annotations?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** A signature that was looked at. */
export interface CheckedSignature {
  /** Its manifest. */
  readonly digest: Digest
  readonly format: 'bundle' | 'simple-signing'
  /** The key that verified it; undefined when it is not good. */
  readonly key: Verifier | undefined
  /** Why it is not good. */
  readonly problem?: string
  readonly predicateType?: string
  readonly annotations: Readonly<Record<string, string>>
}

const mostSignatures = 1000

/**
 * Verifies the signatures of what a descriptor points at, with public keys and nothing else: sigstore bundles that refer to it
 * (DSSE envelopes of in-toto statements, and signatures of the manifest itself), and signatures of cosign 1 and 2 beside it. A
 * signature is good when one of the keys made it and what is signed is the digest of the subject. Answers every signature there is:
 * whether any is enough, or all must be, is the caller's to say. Transparency logs and certificates are not looked at.
 */
export async function verifyImage(
  place: SignedPlace,
  subject: Descriptor,
  options: VerifyOptions,
): Promise<readonly CheckedSignature[]> {
  const checked: CheckedSignature[] = []
  const predicate = options.predicateType ?? signaturePredicate
  for await (const referrer of place.referrers?.referrers(subject.digest) ?? []) {
    options.signal?.throwIfAborted()
    if (!isBundle(referrer)) continue
    const said = referrer.annotations?.['dev.sigstore.bundle.predicateType']
    if (said !== undefined && said !== predicate) continue
    if (checked.length >= mostSignatures) throw tooMany(subject)
    checked.push(
      await checking({ digest: referrer.digest, format: 'bundle' }, options, () =>
        checkBundle(place.blobs, subject, referrer, options),
      ),
    )
  }
  const tag = `${digestAlgorithm(subject.digest)}-${digestHex(subject.digest)}.sig`
  const beside = predicate === signaturePredicate ? await place.sibling?.(tag) : undefined
  if (beside !== undefined && isManifestType(beside.mediaType)) {
    const manifest = await readManifest(place.blobs, beside, options.signal)
    for (const layer of manifest.layers) {
      if (layer.mediaType !== simpleSigningType) continue
      if (checked.length >= mostSignatures) throw tooMany(subject)
      checked.push(
        await checking({ digest: beside.digest, format: 'simple-signing' }, options, () =>
          checkSimple(place.blobs, subject, layer, options),
        ),
      )
    }
  }
  return checked
}

type Outcome = Omit<CheckedSignature, 'digest' | 'format'>

async function checking(
  what: Pick<CheckedSignature, 'digest' | 'format'>,
  { signal, annotations: wanted = {} }: VerifyOptions,
  work: () => Promise<Outcome>,
): Promise<CheckedSignature> {
  try {
    const outcome = await work()
    const missing = Object.entries(wanted).find(([name, value]) => outcome.annotations[name] !== value)
    if (outcome.key === undefined || missing === undefined) return { ...what, ...outcome }
    const problem = `the signed annotation ${missing[0]} is not ${JSON.stringify(missing[1])}`
    return { ...what, ...outcome, key: undefined, problem }
  } catch (error) {
    signal?.throwIfAborted()
    return { ...what, key: undefined, annotations: {}, problem: error instanceof Error ? error.message : String(error) }
  }
}

/** A list of referrers may leave the type out, and the manifest then says it. */
function isBundle({ artifactType }: Descriptor): boolean {
  return artifactType === undefined || artifactType.startsWith('application/vnd.dev.sigstore.bundle')
}

async function checkBundle(
  blobs: BlobSource,
  subject: Descriptor,
  referrer: Descriptor,
  options: VerifyOptions,
): Promise<Outcome> {
  const manifest = await readManifest(blobs, referrer, options.signal)
  if (manifest.subject?.digest !== subject.digest) return refused('its subject is another')
  const layer = manifest.layers.find((each) => each.mediaType.startsWith('application/vnd.dev.sigstore.bundle'))
  if (layer === undefined) return refused(`it has no ${bundleType}`)
  const bundle = parseBundle(await readBlob(blobs, layer, options))
  return bundle.kind === 'envelope'
    ? checkEnvelope(bundle, subject, options)
    : checkMessage(bundle, await readBlob(blobs, subject, options), options)
}

async function checkEnvelope(
  bundle: Extract<Bundle, { kind: 'envelope' }>,
  subject: Descriptor,
  options: VerifyOptions,
): Promise<Outcome> {
  const message = preAuthentication(bundle.payloadType, bundle.payload)
  const key = await keyOf(options.keys, message, bundle.signatures)
  if (key === undefined) return refused('none of the keys made it')
  if (bundle.payloadType !== statementType) return refused('what is signed is no in-toto statement')
  const { predicateType, subjects, annotations } = parseStatement(bundle.payload)
  const wanted = options.predicateType ?? signaturePredicate
  if (predicateType !== wanted) return refused(`what is signed is a statement of ${JSON.stringify(predicateType)}`)
  const at = subjects.findIndex((each) => each[digestAlgorithm(subject.digest)] === digestHex(subject.digest))
  if (at < 0) return refused('what is signed is another digest')
  return { key, predicateType, annotations: annotations[at] ?? {} }
}

async function checkMessage(
  bundle: Extract<Bundle, { kind: 'message' }>,
  manifest: Uint8Array,
  options: VerifyOptions,
): Promise<Outcome> {
  const key = await keyOf(options.keys, manifest, [bundle.signature])
  return key === undefined ? refused('none of the keys made it of this manifest') : { key, annotations: {} }
}

const simpleSigningType = 'application/vnd.dev.cosign.simplesigning.v1+json'
const signatureAnnotation = 'dev.cosignproject.cosign/signature'

async function checkSimple(
  blobs: BlobSource,
  subject: Descriptor,
  layer: Descriptor,
  options: VerifyOptions,
): Promise<Outcome> {
  const text = layer.annotations?.[signatureAnnotation]
  if (text === undefined) return refused(`it has no annotation ${signatureAnnotation}`)
  const payload = await readBlob(blobs, layer, options)
  const key = await keyOf(options.keys, payload, [Uint8Array.fromBase64(text)])
  if (key === undefined) return refused('none of the keys made it')
  const value = parseJson(payload, { what: 'signed payload' })
  const signed = textOf(memberOf(memberOf(value, 'critical'), 'image'), 'docker-manifest-digest')
  if (signed !== subject.digest) return refused('what is signed is another digest')
  return { key, annotations: textsOf(memberOf(value, 'optional')) }
}

async function keyOf(
  keys: readonly Verifier[],
  message: Uint8Array,
  signatures: readonly Uint8Array[],
): Promise<Verifier | undefined> {
  for (const key of keys) {
    for (const signature of signatures) if (await key.verify(message, signature)) return key
  }
  return undefined
}

async function readManifest(blobs: BlobSource, descriptor: Descriptor, signal?: AbortSignal): Promise<Manifest> {
  return parseManifest(await readDocument(blobs, descriptor, signal === undefined ? {} : { signal }))
}

/** Reads a small blob and compares it with its descriptor, whatever the source is. */
async function readBlob(
  blobs: BlobSource,
  descriptor: Descriptor,
  { codec, signal }: VerifyOptions,
): Promise<Uint8Array> {
  const bytes = await readDocument(blobs, descriptor, signal === undefined ? {} : { signal })
  const { digest } = descriptor
  const hasher = codec.hasher(digestAlgorithm(digest))
  await hasher.update(bytes)
  const found = await hasher.digest()
  if (found === digest) return bytes
  throw new ImageError('DIGEST_MISMATCH', `Cannot read ${digest}: the bytes that came have the digest ${found}`)
}

function refused(problem: string): Outcome {
  return { key: undefined, problem, annotations: {} }
}

function tooMany({ digest }: Descriptor): ImageError {
  return new ImageError('SIGNATURE_INVALID', `Cannot verify ${digest}: it has more than ${mostSignatures} signatures`)
}
