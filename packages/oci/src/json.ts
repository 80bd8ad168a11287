import { OciError, type OciErrorCode } from './errors.ts'
import { limits } from './limits.ts'
import { quote } from './quote.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/**
 * Reads a JSON document of at most 4 MiB and 64 levels.
 *
 * @throws {OciError} with the code given (JSON_INVALID by default): too long, too deep, not UTF-8, not JSON
 */
export function parseJson(bytes: Uint8Array, options: { code?: OciErrorCode; what?: string } = {}): unknown {
  const { code = 'JSON_INVALID', what = 'document' } = options
  const fail = (problem: string, cause?: unknown): never => {
    throw new OciError(code, `Cannot read the ${what}: ${problem}`, { cause })
  }
  if (bytes.length > limits.documentBytes) {
    return fail(`it has ${bytes.length} bytes, and at most ${limits.documentBytes} are read`)
  }
  if (depthOf(bytes) > limits.depth) return fail(`it nests deeper than ${limits.depth} levels`)
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch (error) {
    return fail('it is not UTF-8', error)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    return fail(`it is not JSON (${quote(text.slice(0, 40))})`, error)
  }
}

/** Writes a value as compact JSON, keys in the order given: the same value makes the same bytes. */
export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value))
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

// Counted on the bytes, before JSON.parse builds anything: what walks the value later may recurse.
function depthOf(bytes: Uint8Array): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (inString) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === 0x7b || byte === 0x5b) deepest = Math.max(deepest, ++depth)
    else if (byte === 0x7d || byte === 0x5d) depth--
  }
  return deepest
}
