import type { ArgumentType, DynamicLibrary, ReturnType as FfiType } from 'node:ffi'
import { SystemCallError } from './system-call-error.ts'

/** What the C library's functions take here. Strings are passed as UTF-8, views and null as pointers. */
export type NativeValue = number | bigint | string | NodeJS.ArrayBufferView | null

/** A bound C function. */
export type NativeFunction = (...values: readonly NativeValue[]) => number | bigint

let library: DynamicLibrary | undefined
let errnoPointer: bigint | undefined

/**
 * Binds a function of the C library that this process runs on (glibc or musl) at its first call, so that nothing is loaded
 * by programs which never make one. Works on the main thread and in workers.
 */
export function libc(name: string, takes: readonly ArgumentType[], gives: FfiType = 'int32'): NativeFunction {
  let bound: NativeFunction | undefined
  return (...values) => {
    bound ??= open().getFunction(name, { arguments: takes, return: gives }) as NativeFunction
    return bound(...values)
  }
}

/** The errno of the last call on this thread. Read it directly after the call. */
export function errno(): number {
  const ffi = process.getBuiltinModule('node:ffi')
  errnoPointer ??= libc('__errno_location', [], 'pointer')() as bigint
  return ffi.getInt32(errnoPointer, 0)
}

/** Passes on the result of a call that gives -1 when it fails. @throws SystemCallError */
export function checked(result: number | bigint, syscall: string, subject: string): number {
  if (result === -1 || result === -1n) throw new SystemCallError(errno(), syscall, subject)
  return Number(result)
}

function open(): DynamicLibrary {
  if (library === undefined) {
    // The program itself: its global scope holds the C library, whatever that is called on this distribution.
    library = process.getBuiltinModule('node:ffi').dlopen(null).lib
    // Bound before the first call, since binding would change errno.
    errnoPointer = library.getFunction('__errno_location', { arguments: [], return: 'pointer' })()
  }
  return library
}
