import { libc, type NativeValue } from './libc.ts'

// A function of the C library is bound with one signature in a process: this one takes numbers, texts and views alike.
const syscall = libc('syscall', ['int64', ...Array<'pointer'>(6).fill('pointer')], 'int64')

/** Makes a system call for which the C library may have no function. Numbers are given as bigints, negative ones too. */
export function systemCall(number: bigint, ...values: readonly NativeValue[]): number | bigint {
  const words = values.map((value) => (typeof value === 'bigint' ? BigInt.asUintN(64, value) : value))
  return syscall(number, ...words, ...Array<null>(6 - words.length).fill(null))
}
