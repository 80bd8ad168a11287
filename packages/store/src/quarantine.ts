import { link, mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { digestAlgorithm, digestHex } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import type { LayoutPaths } from './layout-paths.ts'
import { systemCode } from './store-error.ts'

/** What is put aside. */
export interface QuarantineOptions {
  /** The inode that was found damaged: a blob that was written anew meanwhile stays. */
  readonly inode: number
  /** Whether it also stays where it is. Default: false. */
  readonly copy?: boolean
}

/** Puts a damaged blob aside; see `Store.quarantine`. */
export async function quarantineBlob(
  paths: LayoutPaths,
  digest: Digest,
  { inode, copy = false }: QuarantineOptions,
): Promise<string | undefined> {
  const from = paths.blob(digest)
  const to = join(paths.quarantine, `${digestAlgorithm(digest)}-${digestHex(digest)}-${Date.now()}`)
  await mkdir(paths.quarantine, { recursive: true, mode: 0o700 })
  try {
    await link(from, to)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
  if ((await stat(to)).ino !== inode) {
    await rm(to)
    return undefined
  }
  if (copy) return to
  // What is renamed now may have been written a moment ago: it goes back then.
  const moved = `${to}.moved`
  try {
    await rename(from, moved)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return to
    throw error
  }
  if ((await stat(moved)).ino !== inode) await link(moved, from).catch(ignoreExisting)
  await rm(moved)
  return to
}

function ignoreExisting(error: unknown): void {
  if (systemCode(error) !== 'EEXIST') throw error
}
