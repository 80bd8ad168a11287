/** What can keep a benchmark from being run. */
export type BenchErrorCode = 'USAGE' | 'PEER_FAILED' | 'COMMAND_FAILED' | 'NOT_EQUAL' | 'NOT_ROOT' | 'INTERRUPTED'

/** A benchmark that cannot be run, or whose sides are not alike. */
export class BenchError extends Error {
  override readonly name = 'BenchError'
  readonly code: BenchErrorCode

  constructor(code: BenchErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
