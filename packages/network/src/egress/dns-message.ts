/** What is asked of a name server. */
export interface DnsQuestion {
  readonly id: number
  /** In small letters, without the dot at its end. */
  readonly name: string
  /** 1 is A, 28 AAAA. */
  readonly type: number
  /** The question as it was written, to be repeated in the answer. */
  readonly raw: Uint8Array
}

/** The answer's code: there is such a name, asking failed, there is no such name. */
export const dnsCode = { ok: 0, failed: 2, noName: 3 } as const

/** The type of a question for IPv4 addresses. */
export const typeA = 1
/** The type of a question for IPv6 addresses. */
export const typeAaaa = 28

const headerBytes = 12
const classInternet = 1

/**
 * Reads a message with one question. Undefined for everything else, which deserves no answer. Never throws.
 * @see https://www.rfc-editor.org/rfc/rfc1035#section-4
 */
export function parseDnsQuestion(message: Uint8Array): DnsQuestion | undefined {
  if (message.length < headerBytes + 5 || message.length > 512) return undefined
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const isQuery = (view.getUint16(2) & 0xf800) === 0
  if (!isQuery || view.getUint16(4) !== 1) return undefined
  const labels: string[] = []
  let at = headerBytes
  for (;;) {
    const length = message[at]
    if (length === undefined || length > 63) return undefined
    at += 1
    if (length === 0) break
    if (at + length > message.length) return undefined
    labels.push(Buffer.from(message.buffer, message.byteOffset + at, length).toString('latin1'))
    at += length
  }
  if (at + 4 > message.length || view.getUint16(at + 2) !== classInternet) return undefined
  const name = labels.join('.').toLowerCase()
  return { id: view.getUint16(0), name, type: view.getUint16(at), raw: message.slice(headerBytes, at + 4) }
}

/** An answer with an IPv4 address, or with none. It is good for a second. */
export function encodeDnsAnswer(question: DnsQuestion, answer: { code: number; address?: string }): Uint8Array {
  const header = Buffer.alloc(headerBytes)
  header.writeUInt16BE(question.id, 0)
  // A response, recursion wanted and available.
  header.writeUInt16BE(0x8180 | answer.code, 2)
  header.writeUInt16BE(1, 4)
  if (answer.address === undefined) return Buffer.concat([header, question.raw])
  header.writeUInt16BE(1, 6)
  // The name is the one at the start of the question; A, IN, one second, four bytes.
  const record = Buffer.from([0xc0, headerBytes, 0, typeA, 0, classInternet, 0, 0, 0, 1, 0, 4])
  return Buffer.concat([header, question.raw, record, Buffer.from(answer.address.split('.').map(Number))])
}
