import { timingSafeEqual } from 'node:crypto'

/**
 * NaCl's secretbox (XSalsa20 and Poly1305), which Node's OpenSSL does not have: the cipher of the private key files that sigstore's
 * tools write. For a few hundred bytes; not meant for more.
 *
 * @see https://nacl.cr.yp.to/secretbox.html
 */
export function sealSecretBox(message: Uint8Array, key: Uint8Array, nonce: Uint8Array): Uint8Array {
  const { authenticator, stream } = keystream(key, nonce, message.length)
  const sealed = new Uint8Array(tagBytes + message.length)
  for (let at = 0; at < message.length; at++) sealed[tagBytes + at] = message[at]! ^ stream[at]!
  sealed.set(poly1305(sealed.subarray(tagBytes), authenticator))
  return sealed
}

/** Opens what {@link sealSecretBox} sealed; undefined when key, nonce or bytes are not the ones of then. */
export function openSecretBox(sealed: Uint8Array, key: Uint8Array, nonce: Uint8Array): Uint8Array | undefined {
  if (sealed.length < tagBytes) return undefined
  const body = sealed.subarray(tagBytes)
  const { authenticator, stream } = keystream(key, nonce, body.length)
  if (!timingSafeEqual(poly1305(body, authenticator), sealed.subarray(0, tagBytes))) return undefined
  return body.map((byte, at) => byte ^ stream[at]!)
}

const tagBytes = 16
const blockBytes = 64
const sigma = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const

/** The first 32 bytes of the stream are the authenticator's key, the rest is for the message. */
function keystream(
  key: Uint8Array,
  nonce: Uint8Array,
  length: number,
): { authenticator: Uint8Array; stream: Uint8Array } {
  if (key.length !== 32 || nonce.length !== 24)
    throw new TypeError('A secretbox has a key of 32 bytes and a nonce of 24')
  const k = words(key)
  const n = words(nonce)
  const mixed = rounds(layout(k, [n[0]!, n[1]!, n[2]!, n[3]!]))
  const subkey = [0, 5, 10, 15, 6, 7, 8, 9].map((at) => mixed[at]!)
  const stream = new Uint8Array(Math.ceil((32 + length) / blockBytes) * blockBytes)
  const view = new DataView(stream.buffer)
  for (let block = 0; block * blockBytes < stream.length; block++) {
    const input = layout(subkey, [n[4]!, n[5]!, block, 0])
    const output = rounds(input)
    for (let at = 0; at < 16; at++) view.setUint32(block * blockBytes + at * 4, (output[at]! + input[at]!) >>> 0, true)
  }
  return { authenticator: stream.subarray(0, 32), stream: stream.subarray(32) }
}

function words(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / 4 }, (_, at) => view.getUint32(at * 4, true))
}

// Salsa20's square: constants on the diagonal, the key around them, nonce and counter in the middle.
function layout(key: readonly number[], middle: readonly [number, number, number, number]): Uint32Array {
  const [c0, c1, c2, c3] = sigma
  return Uint32Array.of(c0, ...key.slice(0, 4), c1, ...middle, c2, ...key.slice(4, 8), c3)
}

const quarters = [
  [0, 4, 8, 12],
  [5, 9, 13, 1],
  [10, 14, 2, 6],
  [15, 3, 7, 11],
  [0, 1, 2, 3],
  [5, 6, 7, 4],
  [10, 11, 8, 9],
  [15, 12, 13, 14],
] as const

function rounds(input: Uint32Array): Uint32Array {
  const x = Uint32Array.from(input)
  const mix = (to: number, a: number, b: number, bits: number): void => {
    const sum = (x[a]! + x[b]!) >>> 0
    x[to] = x[to]! ^ ((sum << bits) | (sum >>> (32 - bits)))
  }
  for (let round = 0; round < 10; round++) {
    for (const [a, b, c, d] of quarters) {
      mix(b, a, d, 7)
      mix(c, b, a, 9)
      mix(d, c, b, 13)
      mix(a, d, c, 18)
    }
  }
  return x
}

const prime = (1n << 130n) - 5n

function poly1305(message: Uint8Array, key: Uint8Array): Uint8Array {
  const r = little(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn
  let sum = 0n
  for (let at = 0; at < message.length; at += 16) {
    const block = message.subarray(at, at + 16)
    sum = ((sum + little(block) + (1n << BigInt(8 * block.length))) * r) % prime
  }
  let tag = sum + little(key.subarray(16, 32))
  return Uint8Array.from({ length: tagBytes }, () => {
    const byte = Number(tag & 0xffn)
    tag >>= 8n
    return byte
  })
}

function little(bytes: Uint8Array): bigint {
  let value = 0n
  for (let at = bytes.length - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at]!)
  return value
}
