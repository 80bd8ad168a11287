/** A file of which any part can be read. Whoever opened it closes it. */
export interface RandomAccess {
  readonly size: number
  /** Bytes `start` to before `end`, both within the file; chunks may be kept. */
  read(start: number, end: number, signal?: AbortSignal): AsyncIterable<Uint8Array>
}
