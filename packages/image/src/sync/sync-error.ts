/** What a filter of names or versions can be wrong about. */
export class SyncError extends Error {
  override readonly name = 'SyncError'
  readonly code: 'PATTERN_INVALID' | 'RANGE_INVALID' | 'CONFIG_INVALID' | 'SOURCE_EMPTY'

  constructor(code: SyncError['code'], message: string) {
    super(message)
    this.code = code
  }
}
