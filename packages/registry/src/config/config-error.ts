/** A configuration that cannot be used. The message names the place in it, what stands there and what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'CONFIG_INVALID'
  /** Where in the document: `webhooks.endpoints[0].url`; empty for the document itself. */
  readonly path: string

  constructor(path: string, problem: string, options: { readonly cause?: unknown } = {}) {
    super(`Cannot use the configuration: ${path === '' ? 'it' : path} ${problem}`, options)
    this.path = path
  }
}
