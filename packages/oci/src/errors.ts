/** What can be wrong with a document or a name of the OCI specifications. */
export type OciErrorCode =
  | 'DIGEST_INVALID'
  | 'REFERENCE_INVALID'
  | 'PLATFORM_INVALID'
  | 'DESCRIPTOR_INVALID'
  | 'MANIFEST_INVALID'
  | 'CONFIG_INVALID'
  | 'LAYOUT_INVALID'
  | 'JSON_INVALID'

/** A text or document that is not what the OCI specifications ask for. The message names the place and the rule. */
export class OciError extends Error {
  override readonly name = 'OciError'
  readonly code: OciErrorCode

  constructor(code: OciErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
