/**
 * Reads a number field: octal text padded with spaces and NULs, or GNU's base-256 when the first bit is set.
 * Undefined when it is neither or not exact as a JavaScript number.
 */
export function parseNumeric(block: Uint8Array, start: number, length: number): number | undefined {
  return block[start]! >= 0x80 ? parseBase256(block, start, length) : parseOctal(block, start, length)
}

function parseOctal(block: Uint8Array, start: number, length: number): number | undefined {
  const end = start + length
  let at = start
  while (at < end && isPadding(block[at]!)) at++
  let value = 0
  for (; at < end && !isPadding(block[at]!); at++) {
    const digit = block[at]! - 0x30
    if (digit < 0 || digit > 7) return undefined
    value = value * 8 + digit
  }
  // What follows a NUL is garbage that others ignore too.
  while (at < end && block[at] === 0x20) at++
  if (at < end && block[at] !== 0) return undefined
  return Number.isSafeInteger(value) ? value : undefined
}

function isPadding(byte: number): boolean {
  return byte === 0 || byte === 0x20
}

// Two's complement, big-endian, below the marking first bit.
function parseBase256(block: Uint8Array, start: number, length: number): number | undefined {
  const negative = (block[start]! & 0x40) !== 0
  const flip = negative ? 0xff : 0
  let value = (block[start]! ^ flip) & 0x7f
  for (let at = start + 1; at < start + length; at++) {
    value = value * 256 + (block[at]! ^ flip)
    if (value > Number.MAX_SAFE_INTEGER) return undefined
  }
  return negative ? -value - 1 : value
}

/** Writes octal digits with a closing NUL; false, with zeros written, when the number does not fit. */
export function writeOctal(block: Uint8Array, start: number, length: number, value: number): boolean {
  const digits = length - 1
  const fits = Number.isSafeInteger(value) && value >= 0 && value < 8 ** digits
  let rest = fits ? value : 0
  for (let at = start + digits - 1; at >= start; at--) {
    block[at] = 0x30 + (rest % 8)
    rest = Math.floor(rest / 8)
  }
  block[start + digits] = 0
  return fits
}
