import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign as signBytes,
  verify as verifyBytes,
  type KeyObject,
} from 'node:crypto'
import type { Signer, Verifier } from '@gantry/image'
import { sealedLabels, sealKey, unsealKey } from './sealed-key.ts'
import { SigningError } from './signing-error.ts'

/** The kinds of keys that are made. */
export type SigningKeyType = 'ecdsa-p256' | 'ed25519'

/** A key pair as PEM texts. */
export interface SigningKeyPair {
  /** Encrypted as cosign encrypts, when there is a passphrase; plain PKCS #8 without one. */
  readonly privateKey: string
  readonly publicKey: string
}

/** Makes a key pair. An empty passphrase encrypts too, as cosign's does; undefined does not. */
export function generateSigningKey(
  options: { readonly type?: SigningKeyType; readonly passphrase?: string } = {},
): SigningKeyPair {
  const { type = 'ecdsa-p256', passphrase } = options
  const { privateKey, publicKey } =
    type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
  return {
    privateKey: passphrase === undefined ? pem('PRIVATE KEY', pkcs8) : pem(sealedLabels[0], sealKey(pkcs8, passphrase)),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
  }
}

/** Whether a private key needs a passphrase. */
export function isEncryptedKey(text: string): boolean {
  const { label } = labelled(text)
  return label.startsWith('ENCRYPTED ') || text.includes('Proc-Type: 4,ENCRYPTED')
}

/**
 * Takes a private key in PEM: PKCS #8 (plain or encrypted), SEC1, or as cosign encrypts it. ECDSA on P-256, P-384 and P-521,
 * Ed25519, and RSA of 2048 bits and more.
 *
 * @throws {SigningError}
 */
export function openSigningKey(text: string, options: { readonly passphrase?: string } = {}): Signer {
  const key = privateKeyOf(text, options.passphrase)
  const publicKey = createPublicKey(key)
  const [hash] = hashesOf(publicKey)
  return { keyId: keyIdOf(publicKey), sign: async (message) => signBytes(hash, message, key) }
}

/**
 * Takes a public key in PEM; of a private key that is not encrypted, its public half.
 *
 * @throws {SigningError}
 */
export function openVerifyingKey(text: string, options: { readonly name?: string } = {}): Verifier {
  const { label } = labelled(text)
  if (label.startsWith('ENCRYPTED ')) {
    throw new SigningError('KEY_INVALID', `Cannot verify with "${label.toLowerCase()}": give the public key`)
  }
  const key = attempt('public key', () => createPublicKey(text))
  const hashes = hashesOf(key)
  return {
    keyId: keyIdOf(key),
    ...(options.name === undefined ? {} : { name: options.name }),
    verify: async (message, signature) => hashes.some((hash) => isSignature(hash, message, { key, signature })),
  }
}

/** The public key of a private one, as PEM. @throws {SigningError} */
export function publicKeyOf(text: string, options: { readonly passphrase?: string } = {}): string {
  return createPublicKey(privateKeyOf(text, options.passphrase)).export({ type: 'spki', format: 'pem' })
}

// OpenSSL throws at what is no signature at all.
function isSignature(
  hash: string | null,
  message: Uint8Array,
  { key, signature }: { readonly key: KeyObject; readonly signature: Uint8Array },
): boolean {
  try {
    return verifyBytes(hash, message, key, signature)
  } catch {
    return false
  }
}

function privateKeyOf(text: string, passphrase: string | undefined): KeyObject {
  const { label, body } = labelled(text)
  if (isEncryptedKey(text) && passphrase === undefined) {
    throw new SigningError(
      'PASSPHRASE_NEEDED',
      'Cannot open the private key: it is encrypted, and there is no passphrase',
    )
  }
  if ((sealedLabels as readonly string[]).includes(label)) {
    const der = Buffer.from(unsealKey(body, passphrase ?? ''))
    return attempt('private key', () => createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  }
  try {
    return createPrivateKey(passphrase === undefined ? text : { key: text, passphrase })
  } catch (cause) {
    if (isEncryptedKey(text)) {
      throw new SigningError(
        'PASSPHRASE_WRONG',
        'Cannot open the private key: the passphrase is not that of this key',
        {
          cause,
        },
      )
    }
    throw new SigningError('KEY_INVALID', 'Cannot read the private key: it is no private key in PEM', { cause })
  }
}

/** The hashes to sign with (the first) and to verify with: cosign before version 3 hashed with SHA-256 whatever the curve. */
function hashesOf(key: KeyObject): readonly [string | null, ...string[]] {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return [null]
    case 'ec':
      if (namedCurve === 'prime256v1') return ['sha256']
      if (namedCurve === 'secp384r1') return ['sha384', 'sha256']
      if (namedCurve === 'secp521r1') return ['sha512', 'sha256']
      break
    case 'rsa':
      if (modulusLength >= 2048) return ['sha256']
      break
    default:
  }
  const kind = [key.asymmetricKeyType, namedCurve].filter(Boolean).join(' ')
  throw new SigningError(
    'KEY_UNSUPPORTED',
    `Cannot use a key of the kind "${kind}": expected ECDSA on P-256, P-384 or P-521, Ed25519, or RSA of 2048 bits or more`,
  )
}

/** How sigstore names a key in its bundles: base64 of the SHA-256 of its DER. */
function keyIdOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64')
}

function labelled(text: string): { readonly label: string; readonly body: Uint8Array } {
  const [, label, body] = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/.exec(text) ?? []
  if (label === undefined || body === undefined)
    throw new SigningError('KEY_INVALID', 'Cannot read the key: it is not PEM')
  return { label, body: Buffer.from(body.replace(/\s/g, ''), 'base64') }
}

function attempt(what: string, work: () => KeyObject): KeyObject {
  try {
    return work()
  } catch (cause) {
    throw new SigningError('KEY_INVALID', `Cannot read the ${what}: it is none in PEM`, { cause })
  }
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = Buffer.from(bytes)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}
