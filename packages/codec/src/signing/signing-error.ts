/** What can be wrong with a key. */
export type SigningErrorCode = 'KEY_INVALID' | 'KEY_UNSUPPORTED' | 'PASSPHRASE_NEEDED' | 'PASSPHRASE_WRONG'

/** A key that cannot be used. The message never has anything of the key or its passphrase. */
export class SigningError extends Error {
  override readonly name = 'SigningError'
  readonly code: SigningErrorCode

  constructor(code: SigningErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
