import { checked, errno, libc } from './libc.ts'
import { internetAddress } from './socket-address.ts'
import { SystemCallError } from './system-call-error.ts'

const socketCall = libc('socket', ['int32', 'int32', 'int32'])
const bindCall = libc('bind', ['int32', 'pointer', 'uint32'])
const setsockoptCall = libc('setsockopt', ['int32', 'int32', 'int32', 'pointer', 'uint32'])
const getsocknameCall = libc('getsockname', ['int32', 'pointer', 'pointer'])
const closeCall = libc('close', ['int32'])

const kinds = { tcp: [1, 6], udp: [2, 17], sctp: [1, 132] } as const
const SOCK_CLOEXEC = 0o2000000
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26

/** A host port that is taken by a bound socket which nobody listens on. */
export interface ReservedPort extends Disposable {
  /** To be handed to a child, which holds the port for as long as it lives. Close-on-exec: pass it in `stdio`. */
  readonly fd: number
  readonly port: number
}

/**
 * Takes a port of the host by binding a socket to it, without listening. Port 0 takes a free one. Disposing closes this
 * process's descriptor; the port stays taken while another process holds it.
 * @throws SystemCallError EADDRINUSE, EADDRNOTAVAIL, EACCES, EPROTONOSUPPORT
 */
export function reservePort(host: string, port: number, protocol: 'tcp' | 'udp' | 'sctp'): ReservedPort {
  const { family, bytes } = internetAddress(host, port)
  const subject = `${protocol} ${host.includes(':') ? `[${host}]` : host}:${String(port)}`
  const [type, number] = kinds[protocol]
  const fd = checked(socketCall(family, type | SOCK_CLOEXEC, number), 'socket', subject)
  try {
    if (family === 10) setsockoptCall(fd, IPPROTO_IPV6, IPV6_V6ONLY, new Uint32Array([1]), 4)
    if (Number(bindCall(fd, bytes, bytes.length)) === -1) throw new SystemCallError(errno(), 'bind', subject)
    const name = new Uint8Array(28)
    checked(getsocknameCall(fd, name, new Uint32Array([name.length])), 'getsockname', subject)
    const taken = ((name[2] ?? 0) << 8) | (name[3] ?? 0)
    let open = true
    return {
      fd,
      port: taken,
      [Symbol.dispose]: () => {
        if (open) closeCall(fd)
        open = false
      },
    }
  } catch (error) {
    closeCall(fd)
    throw error
  }
}
