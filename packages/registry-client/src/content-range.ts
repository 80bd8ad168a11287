/** What an answer with a part of something says of it. */
export interface ContentRange {
  readonly start: number
  /** The byte after the last. */
  readonly end: number
  /** Of the whole, when it is known. */
  readonly size?: number
}

/**
 * Reads `Content-Range: bytes 0-99/1000`. What makes no sense is `undefined`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-14.4
 */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const [, first, last, whole] = /^bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(header?.trim() ?? '') ?? []
  if (first === undefined || last === undefined) return undefined
  const [start, end] = [Number(first), Number(last) + 1]
  if (start >= end) return undefined
  if (whole === '*' || whole === undefined) return { start, end }
  const size = Number(whole)
  return end > size ? undefined : { start, end, size }
}

/**
 * How many bytes of an upload a registry says it has: `Range: 0-99` is a hundred. `0-0` is what registries say of an empty upload as
 * well as of one byte: it is taken for nothing, since a byte sent again is refused, and a byte left out is found out at the end.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks
 */
export function parseUploadRange(header: string | undefined): number | undefined {
  const [, first, last] = /^(?:bytes[=\s])?\s*(\d{1,15})-(\d{1,15})$/i.exec(header?.trim() ?? '') ?? []
  if (first === undefined || Number(first) !== 0) return undefined
  return last === '0' ? 0 : Number(last) + 1
}
