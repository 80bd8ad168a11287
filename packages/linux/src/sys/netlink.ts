import { attribute, attributes, linkHeader, message, nlm, rtm, text, u32 } from './netlink-message.ts'
import { checked, libc } from './libc.ts'
import { SystemCallError } from './system-call-error.ts'

const socketCall = libc('socket', ['int32', 'int32', 'int32'])
const setOptionCall = libc('setsockopt', ['int32', 'int32', 'int32', 'pointer', 'uint32'])
const sendCall = libc('send', ['int32', 'pointer', 'uint64', 'int32'], 'int64')
const receiveCall = libc('recv', ['int32', 'pointer', 'uint64', 'int32'], 'int64')
const closeCall = libc('close', ['int32'])

const AF_NETLINK = 16
const SOCK_RAW_CLOEXEC = 0o2000003
const SOL_NETLINK = 270
const NETLINK_CAP_ACK = 10
const NETLINK_EXT_ACK = 11
const NLMSG_ERROR = 2
const NLM_F_ACK_TLVS = 0x200
const NLMSGERR_ATTR_MSG = 1
const answerBytes = 32_768

/** A request to the kernel about links, addresses or routes: netlink(7), rtnetlink(7). */
export interface NetlinkRequest {
  readonly type: number
  /** Beside "request" and "acknowledge". */
  readonly flags?: number
  /** The fixed header of the message's type, and its attributes. */
  readonly body: readonly Uint8Array[]
  /** For the error: `add`. */
  readonly action: string
  /** For the error: `the address "10.0.0.2/24"`. */
  readonly subject: string
}

/**
 * A socket to the routing part of the kernel. It belongs to the network namespace that the thread is in when it is made,
 * wherever the thread goes later. Calls are synchronous: the kernel answers within the call that sends, which waits while
 * another change of links is under way (mostly below a millisecond, some tens while namespaces are taken down).
 */
export class Netlink implements Disposable {
  readonly #fd: number
  #sequence = 0

  /** @throws SystemCallError */
  constructor() {
    this.#fd = checked(socketCall(AF_NETLINK, SOCK_RAW_CLOEXEC, 0), 'open', 'a netlink socket')
    // Errors in the kernel's words, and without a copy of the request. An older kernel has neither.
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) setOptionCall(this.#fd, SOL_NETLINK, option, u32(1), 4)
  }

  /** Makes a change. @throws SystemCallError with the kernel's errno, and its reason where it gives one */
  change(request: NetlinkRequest): void {
    this.#exchange({ ...request, flags: nlm.acknowledge | (request.flags ?? 0) })
  }

  /** The index of a link. @throws SystemCallError ENODEV */
  linkIndex(name: string): number {
    const body = [linkHeader(), attribute(attributes.link.name, text(name))]
    const answer = this.#exchange({ type: rtm.getLink, body, action: 'find', subject: `the link "${name}"` })
    return answer.getInt32(20, isLittleEndian)
  }

  [Symbol.dispose](): void {
    closeCall(this.#fd)
  }

  #exchange({ type, flags = 0, body, action, subject }: NetlinkRequest): DataView {
    const request = message(type, nlm.request | flags, ++this.#sequence, body)
    checked(sendCall(this.#fd, request, BigInt(request.length), 0), action, subject)
    const buffer = new Uint8Array(answerBytes)
    const size = checked(receiveCall(this.#fd, buffer, BigInt(answerBytes), 0), action, subject)
    const answer = new DataView(buffer.buffer, 0, size)
    const error = answer.getUint16(4, isLittleEndian) === NLMSG_ERROR ? -answer.getInt32(16, isLittleEndian) : 0
    if (error !== 0) throw new SystemCallError(error, action, `${subject}${reasonOf(answer)}`)
    return answer
  }
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

// After the header (16 bytes), the errno (4) and the request's header (16) come attributes, if there are any.
function reasonOf(answer: DataView): string {
  if ((answer.getUint16(6, isLittleEndian) & NLM_F_ACK_TLVS) === 0) return ''
  for (let at = 36; at + 4 <= answer.byteLength;) {
    const length = answer.getUint16(at, isLittleEndian)
    if (length < 4) break
    if (answer.getUint16(at + 2, isLittleEndian) === NLMSGERR_ATTR_MSG) {
      const value = Buffer.from(answer.buffer, at + 4, Math.min(length - 4, answer.byteLength - at - 4))
      return ` (${value.toString('utf8').replace(/\0.*$/s, '')})`
    }
    at += (length + 3) & ~3
  }
  return ''
}
