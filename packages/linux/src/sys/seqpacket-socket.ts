import { closeSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { basename, dirname } from 'node:path'
import { checked, libc } from './libc.ts'
import { unixAddress } from './socket-address.ts'

const socketCall = libc('socket', ['int32', 'int32', 'int32'])
const connectCall = libc('connect', ['int32', 'pointer', 'uint32'])
const closeCall = libc('close', ['int32'])

const AF_UNIX = 1
const SOCK_SEQPACKET = 5
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000

interface PipeHandle {
  open(fd: number): number
}
interface PipeBinding {
  readonly Pipe: new (type: number) => PipeHandle
  readonly constants: { readonly SOCKET: number }
}
interface Bindings {
  binding(name: 'pipe_wrap'): PipeBinding
}

/**
 * Connects to a Unix socket of type SOCK_SEQPACKET, which `node:net` cannot: each `data` event is one packet, and each `write`
 * is one as long as the one before has been written. The path may be of any length. Connecting does not wait.
 * @throws SystemCallError ENOENT, ECONNREFUSED, EAGAIN (the other side accepts too slowly)
 */
export function connectSeqpacket(path: string): Socket {
  const fd = checked(socketCall(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket', `for "${path}"`)
  try {
    withShortPath(path, (short) => {
      const address = unixAddress(short)
      checked(connectCall(fd, address, address.length), 'connect', `"${path}"`)
    })
    return socketOf(fd)
  } catch (error) {
    closeCall(fd)
    throw error
  }
}

// Node's own pipe handle reads and writes any stream-like descriptor; only its public constructors refuse this type of socket.
// The binding is deprecated and has no replacement: it is used here and nowhere else.
function socketOf(fd: number): Socket {
  const { Pipe, constants } = (process as unknown as Bindings).binding('pipe_wrap')
  const handle = new Pipe(constants.SOCKET)
  checked(handle.open(fd) === 0 ? 0 : -1, 'open', 'a socket as a pipe')
  return new Socket({ handle, readable: true, writable: true, allowHalfOpen: true } as object)
}

function withShortPath(path: string, work: (short: string) => void): void {
  if (Buffer.byteLength(path) <= 107) {
    work(path)
    return
  }
  const directory = openSync(dirname(path), 'r')
  try {
    work(`/proc/self/fd/${String(directory)}/${basename(path)}`)
  } finally {
    closeSync(directory)
  }
}
