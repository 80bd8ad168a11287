/** What the first bytes of a connection say of the host that is meant. */
export type ServerName =
  /** More bytes are needed to tell. */
  | { readonly kind: 'more' }
  /** It is no TLS, or says no name. */
  | { readonly kind: 'none' }
  | { readonly kind: 'name'; readonly name: string }

const none: ServerName = { kind: 'none' }
const more: ServerName = { kind: 'more' }
const largestHello = 16_384 + 5

/**
 * The server name in the ClientHello that a TLS connection begins with. Never throws, and wants at most one record.
 * @see https://www.rfc-editor.org/rfc/rfc6066#section-3
 */
export function readServerName(bytes: Uint8Array): ServerName {
  if (bytes.length > 0 && bytes[0] !== 22) return none
  if (bytes.length < 5) return more
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = 5 + view.getUint16(3)
  if (end > largestHello) return none
  if (bytes.length < end) return more
  try {
    return helloName(view, end)
  } catch (error) {
    // A length that leads out of the record.
    if (error instanceof RangeError) return none
    throw error
  }
}

function helloName(view: DataView, end: number): ServerName {
  // Record 5, handshake 4, version 2, random 32.
  if (view.getUint8(5) !== 1) return none
  let at = 43
  at += 1 + view.getUint8(at)
  at += 2 + view.getUint16(at)
  at += 1 + view.getUint8(at)
  at += 2
  while (at + 4 <= end) {
    const type = view.getUint16(at)
    const length = view.getUint16(at + 2)
    // A list of names, the first of which is of the type "host name".
    if (type === 0 && length > 5 && at + 4 + length <= end && view.getUint8(at + 6) === 0) {
      const size = Math.min(view.getUint16(at + 7), length - 5)
      const name = Buffer.from(view.buffer, view.byteOffset + at + 9, size)
        .toString('latin1')
        .toLowerCase()
      return { kind: 'name', name }
    }
    at += 4 + length
  }
  return none
}
