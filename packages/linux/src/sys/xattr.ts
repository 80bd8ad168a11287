import { checked, errno, libc } from './libc.ts'
import { quoted, type Name } from './name.ts'
import { SystemCallError } from './system-call-error.ts'

const lsetxattrCall = libc('lsetxattr', ['string', 'string', 'pointer', 'uint64', 'int32'])
const lgetxattrCall = libc('lgetxattr', ['string', 'string', 'pointer', 'uint64'], 'int64')
const llistxattrCall = libc('llistxattr', ['string', 'pointer', 'uint64'], 'int64')
const lremovexattrCall = libc('lremovexattr', ['string', 'string'])
const fsetxattrCall = libc('fsetxattr', ['int32', 'string', 'pointer', 'uint64', 'int32'])

const ERANGE = 34
const ENODATA = 61
const ENOTSUP = 95
const valueLimit = 65_536

let scratch: Buffer | undefined

/** Sets an extended attribute, of a symbolic link itself if it is one. @throws SystemCallError */
export function setAttribute(path: Name, name: string, value: Uint8Array): void {
  const result = lsetxattrCall(path, name, nonEmpty(value), BigInt(value.length), 0)
  checked(result, 'lsetxattr', `"${name}" of ${quoted(path)}`)
}

/** Sets an extended attribute of an open file. @throws SystemCallError */
export function setAttributeOf(fd: number, name: string, value: Uint8Array): void {
  checked(fsetxattrCall(fd, name, nonEmpty(value), BigInt(value.length), 0), 'fsetxattr', `"${name}"`)
}

/** The value of an extended attribute; undefined when it is not set or the file system has none. @throws SystemCallError */
export function getAttribute(path: Name, name: string): Uint8Array | undefined {
  scratch ??= Buffer.allocUnsafeSlow(valueLimit)
  const size = Number(lgetxattrCall(path, name, scratch, BigInt(valueLimit)))
  if (size >= 0) return new Uint8Array(scratch.subarray(0, size))
  const code = errno()
  if (code === ENODATA || code === ENOTSUP) return undefined
  throw new SystemCallError(code, 'lgetxattr', `"${name}" of ${quoted(path)}`)
}

/** The names of the extended attributes, sorted; none where the file system has none. @throws SystemCallError */
export function listAttributes(path: Name): readonly string[] {
  scratch ??= Buffer.allocUnsafeSlow(valueLimit)
  const size = Number(llistxattrCall(path, scratch, BigInt(valueLimit)))
  if (size === 0) return []
  if (size > 0)
    return scratch
      .toString('utf8', 0, size - 1)
      .split('\0')
      .toSorted()
  const code = errno()
  if (code === ENOTSUP) return []
  throw new SystemCallError(code === ERANGE ? 7 : code, 'llistxattr', quoted(path))
}

/** Removes an extended attribute; absence is success. @throws SystemCallError */
export function removeAttribute(path: Name, name: string): void {
  if (Number(lremovexattrCall(path, name)) === 0) return
  const code = errno()
  if (code !== ENODATA && code !== ENOTSUP)
    throw new SystemCallError(code, 'lremovexattr', `"${name}" of ${quoted(path)}`)
}

// A view of length 0 has no address that FFI would take.
function nonEmpty(value: Uint8Array): Uint8Array {
  return value.length === 0 ? new Uint8Array(1) : value
}
