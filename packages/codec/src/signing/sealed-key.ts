import { randomBytes, scryptSync } from 'node:crypto'
import { parseJson } from '@gantry/oci'
import { openSecretBox, sealSecretBox } from './secret-box.ts'
import { SigningError } from './signing-error.ts'

/** What stands in the first line of a private key that sigstore's tools encrypted, today and before. */
export const sealedLabels = ['ENCRYPTED SIGSTORE PRIVATE KEY', 'ENCRYPTED COSIGN PRIVATE KEY'] as const

/** What others write; more would let a key file choose how much memory is used. */
const strengths: readonly number[] = [32_768, 65_536, 131_072]
const writtenStrength = 65_536

/**
 * Encrypts a private key as cosign does: scrypt and NaCl's secretbox in JSON.
 *
 * @see https://github.com/secure-systems-lab/go-securesystemslib/blob/v0.9.1/encrypted/encrypted.go
 */
export function sealKey(pkcs8: Uint8Array, passphrase: string): Uint8Array {
  const salt = randomBytes(32)
  const nonce = randomBytes(24)
  const sealed = sealSecretBox(pkcs8, derive(passphrase, salt, writtenStrength), nonce)
  const document = {
    kdf: { name: 'scrypt', params: { N: writtenStrength, r: 8, p: 1 }, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from(sealed).toString('base64'),
  }
  return Buffer.from(JSON.stringify(document))
}

/**
 * Decrypts what {@link sealKey} or cosign encrypted.
 *
 * @throws {SigningError} KEY_INVALID, PASSPHRASE_WRONG
 */
export function unsealKey(document: Uint8Array, passphrase: string): Uint8Array {
  const { strength, salt, nonce, ciphertext } = read(document)
  const opened = openSecretBox(ciphertext, derive(passphrase, salt, strength), nonce)
  if (opened !== undefined) return opened
  throw new SigningError('PASSPHRASE_WRONG', 'Cannot open the private key: the passphrase is not that of this key')
}

function derive(passphrase: string, salt: Uint8Array, strength: number): Uint8Array {
  return scryptSync(passphrase, salt, 32, { N: strength, r: 8, p: 1, maxmem: 2048 * strength })
}

interface Sealed {
  readonly strength: number
  readonly salt: Uint8Array
  readonly nonce: Uint8Array
  readonly ciphertext: Uint8Array
}

function read(document: Uint8Array): Sealed {
  const value = parseJson(document, { what: 'encrypted private key' })
  const kdf = member(value, 'kdf')
  const cipher = member(value, 'cipher')
  const params = member(kdf, 'params')
  const strength = Number(member(params, 'N'))
  const isKnown =
    member(kdf, 'name') === 'scrypt' &&
    member(cipher, 'name') === 'nacl/secretbox' &&
    strengths.includes(strength) &&
    member(params, 'r') === 8 &&
    member(params, 'p') === 1
  const nonce = bytes(member(cipher, 'nonce'))
  if (!isKnown || nonce.length !== 24) {
    throw new SigningError(
      'KEY_INVALID',
      'Cannot read the encrypted private key: expected scrypt with the parameters that sigstore uses, and nacl/secretbox',
    )
  }
  return { strength, salt: bytes(member(kdf, 'salt')), nonce, ciphertext: bytes(member(value, 'ciphertext')) }
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined
}

function bytes(value: unknown): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'base64') : new Uint8Array()
}
