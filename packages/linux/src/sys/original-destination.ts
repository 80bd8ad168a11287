import type { Socket } from 'node:net'
import { checked, libc } from './libc.ts'

const getOptionCall = libc('getsockopt', ['int32', 'int32', 'int32', 'pointer', 'pointer'])

const IPPROTO_IP = 0
const SO_ORIGINAL_DST = 80

/** Where an accepted IPv4 connection was going before a rule redirected it. Ask at once when it is accepted. @throws SystemCallError ENOENT */
export function originalDestination(socket: Socket): { readonly address: string; readonly port: number } {
  // Node tells nobody a socket's descriptor in any other way.
  const { fd } = Reflect.get(socket, '_handle') as { readonly fd: number }
  const place = new Uint8Array(16)
  const size = new Uint32Array([place.length])
  checked(getOptionCall(fd, IPPROTO_IP, SO_ORIGINAL_DST, place, size), 'getsockopt', 'the original destination')
  return { address: place.subarray(4, 8).join('.'), port: ((place[2] ?? 0) << 8) | (place[3] ?? 0) }
}
