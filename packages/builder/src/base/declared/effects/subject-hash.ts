import { createHash } from 'node:crypto'

interface Element {
  readonly tag: number
  /** Where the element begins, where its content does, and where it ends. */
  readonly start: number
  readonly begin: number
  readonly end: number
}

const sequence = 0x30
const set = 0x31
const utf8String = 0x0c
// UTF8String, NumericString, PrintableString, T61String, IA5String, VisibleString, UniversalString, BMPString.
const texts = new Set([0x0c, 0x12, 0x13, 0x14, 0x16, 0x1a, 0x1c, 0x1e])

/**
 * The hash of a certificate's subject by which OpenSSL finds it in a directory: the first four bytes, the least first, of the
 * SHA-1 of the canonical form of the name.
 *
 * @param der the certificate
 * @see https://github.com/openssl/openssl/blob/openssl-3.0.15/crypto/x509/x_name.c#L300
 */
export function subjectHash(der: Uint8Array): string {
  const certificate = elementAt(der, 0)
  const body = elementAt(der, certificate.begin)
  const fields = childrenOf(der, body)
  // Version is optional; then serial, signature, issuer, validity, subject.
  const subject = fields[(fields[0]?.tag === 0xa0 ? 1 : 0) + 4]
  const names = subject === undefined ? [] : childrenOf(der, subject)
  const canonical = Buffer.concat(
    names.map((name) =>
      encode(
        set,
        Buffer.concat(
          childrenOf(der, name)
            .map((pair) => canonicalPair(der, pair))
            .toSorted((a, b) => Buffer.compare(a, b)),
        ),
      ),
    ),
  )
  return createHash('sha1').update(canonical).digest().readUInt32LE(0).toString(16).padStart(8, '0')
}

function canonicalPair(der: Uint8Array, pair: Element): Buffer {
  const [type, value] = childrenOf(der, pair)
  if (type === undefined || value === undefined) return Buffer.from(der.subarray(pair.start, pair.end))
  const typeBytes = der.subarray(type.start, type.end)
  if (!texts.has(value.tag)) return encode(sequence, Buffer.concat([typeBytes, der.subarray(value.start, value.end)]))
  const text = decodeText(value.tag, der.subarray(value.begin, value.end))
  // Only ASCII is made small; blanks at the ends go, and several become one.
  const plain = text
    .replaceAll(/[ \t\n\v\f\r]+/g, ' ')
    .replaceAll(/^ | $/g, '')
    .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
  return encode(sequence, Buffer.concat([typeBytes, encode(utf8String, Buffer.from(plain))]))
}

function decodeText(tag: number, bytes: Uint8Array): string {
  if (tag === utf8String) return Buffer.from(bytes).toString('utf8')
  if (tag === 0x1e) return Buffer.from(bytes).swap16().toString('utf16le')
  return Buffer.from(bytes).toString('latin1')
}

function childrenOf(der: Uint8Array, parent: Element): readonly Element[] {
  const found: Element[] = []
  for (let at = parent.begin; at < parent.end;) {
    const child = elementAt(der, at)
    found.push(child)
    at = child.end
  }
  return found
}

function elementAt(der: Uint8Array, start: number): Element {
  const tag = der[start] ?? 0
  const first = der[start + 1] ?? 0
  const more = first < 0x80 ? 0 : first & 0x7f
  let length = more === 0 ? first : 0
  for (let index = 0; index < more; index++) length = length * 256 + (der[start + 2 + index] ?? 0)
  const begin = start + 2 + more
  return { tag, start, begin, end: Math.max(begin, Math.min(begin + length, der.length)) }
}

function encode(tag: number, content: Uint8Array): Buffer {
  const length =
    content.length < 0x80
      ? [content.length]
      : content.length < 0x100
        ? [0x81, content.length]
        : [0x82, content.length >> 8, content.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}
