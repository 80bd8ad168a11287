import { digestAlgorithm, digestHex, encodeJson, type Descriptor } from '@gantry/oci'
import type { Hashing } from '../../codec.ts'
import { assembleArtifact, type Artifact } from '../artifact.ts'
import { bundleType, encodeBundle } from './bundle.ts'
import { preAuthentication, statementType } from './envelope.ts'
import type { Signer } from './signer.ts'

/** The predicate of a statement that says nothing but that its subject was signed. */
export const signaturePredicate = 'https://sigstore.dev/cosign/sign/v1'

/** What is signed. */
export interface SignOptions {
  readonly codec: Hashing
  readonly signer: Signer
  /** Signed along, as `cosign sign -a` does. */
  readonly annotations?: Readonly<Record<string, string>>
  /** What is said of the subject; by default only that it is signed. */
  readonly predicate?: { readonly type: string; readonly value: unknown }
  /** RFC 3339, for the annotation that tells it; absent, the signature's digest depends on what is signed alone. */
  readonly created?: string
}

/**
 * Signs what a descriptor points at: an in-toto statement of its digest in a DSSE envelope in a sigstore bundle, as an artifact whose
 * subject it is. That is the layout of cosign 3, which verifies it with the public key; nothing is asked of any service.
 *
 * @see https://github.com/sigstore/cosign/blob/v3.0.0/specs/BUNDLE_SPEC.md
 */
export async function signImage(subject: Descriptor, options: SignOptions): Promise<Artifact> {
  const { codec, signer, annotations = {}, created } = options
  const { type, value } = options.predicate ?? { type: signaturePredicate, value: {} }
  const payload = encodeJson({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      {
        digest: { [digestAlgorithm(subject.digest)]: digestHex(subject.digest) },
        ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      },
    ],
    predicateType: type,
    predicate: value,
  })
  const signature = await signer.sign(preAuthentication(statementType, payload))
  const bytes = encodeBundle({ payloadType: statementType, payload, signature, keyId: signer.keyId })
  return assembleArtifact(
    {
      artifactType: bundleType,
      blobs: [{ bytes, mediaType: bundleType }],
      subject,
      annotations: {
        'dev.sigstore.bundle.content': 'dsse-envelope',
        'dev.sigstore.bundle.predicateType': type,
        ...(created === undefined ? {} : { 'org.opencontainers.image.created': created }),
      },
    },
    codec,
  )
}
