const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/**
 * Reads a name. File names on Linux are bytes: what is not UTF-8 becomes lone surrogates U+DC80 to U+DCFF, one a byte,
 * so that {@link encodeText} gives back the same bytes.
 */
export function decodeText(bytes: Uint8Array): string {
  const ascii = decodeAscii(bytes)
  if (ascii !== undefined) return ascii
  try {
    return strict.decode(bytes)
  } catch {
    return decodeEscaped(bytes)
  }
}

/** Writes a name as bytes, the inverse of {@link decodeText}. */
export function encodeText(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text)
  const bytes: number[] = []
  for (const character of text) {
    const code = character.charCodeAt(0)
    if (character.length === 1 && code >= 0xdc80 && code <= 0xdcff) bytes.push(code - 0xdc00)
    else bytes.push(...encoder.encode(character))
  }
  return Uint8Array.from(bytes)
}

// Nearly all names are short and ASCII, and a call of TextDecoder costs more than this loop.
function decodeAscii(bytes: Uint8Array): string | undefined {
  if (bytes.length > 256) return undefined
  for (let at = 0; at < bytes.length; at++) if (bytes[at]! >= 0x80) return undefined
  return String.fromCharCode.apply(null, bytes as unknown as number[])
}

function decodeEscaped(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes[at]!)
    const piece = bytes.subarray(at, at + length)
    try {
      text += strict.decode(piece)
      at += length
    } catch {
      text += String.fromCharCode(0xdc00 + bytes[at]!)
      at++
    }
  }
  return text
}

function sequenceLength(first: number): number {
  return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
}
