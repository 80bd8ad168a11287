/** Signs bytes with a private key. This floor has no cryptography of its own; the `codec` package makes signers of keys. */
export interface Signer {
  /** How sigstore names the key: base64 of the SHA-256 of the public key in DER. */
  readonly keyId: string
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** Checks signatures with a public key. */
export interface Verifier {
  /** As of {@link Signer}. */
  readonly keyId: string
  /** What people call the key, such as the path of its file. */
  readonly name?: string
  /** Whether the signature is that of this key for these bytes; false too for what is no signature at all. */
  verify(message: Uint8Array, signature: Uint8Array): Promise<boolean>
}
