import { lstatSync, type BigIntStats } from 'node:fs'
import type { Json } from '../ledger/json.ts'

/** What is at a path, without following a last symbolic link; undefined when there is nothing. */
export function statAt(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}

/** The identity of a file or directory: device and inode. */
export function inodeOf(stat: BigIntStats): Json {
  return { dev: String(stat.dev), ino: String(stat.ino) }
}

/** Whether two identities are of the same file. */
export function sameInode(one: Json | undefined, other: Json | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
