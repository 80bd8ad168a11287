import { chmodSync, chownSync, closeSync, constants, fstatSync, openSync, readdirSync } from 'node:fs'
import { setImmediate as pause } from 'node:timers/promises'
import { closeDescriptor, errorCode, openBeneath } from '@gantry/linux'
import { extractInto, treeTar, type OwnerMap } from '@gantry/snapshot'

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY

/** Fills an empty volume with what the image has at the place where the volume will be mounted, with owners, modes and extended
 * attributes. A volume that holds something is left alone. Another container may have the volume already and change it meanwhile:
 * nothing is written outside of it, whatever links that one makes. @throws SnapshotError TREE_CONFLICT */
export async function copyUp({
  rootfs,
  path,
  volume,
  ownerOf = (owner) => owner,
}: {
  rootfs: string
  path: string
  volume: string
  /** Who an owner seen in the root file system is in the volume. */
  ownerOf?: OwnerMap
}): Promise<void> {
  if (readdirSync(volume).length > 0) return
  const source = openInRoot(rootfs, path)
  if (source === undefined) return
  try {
    const status = fstatSync(source)
    const into = openSync(volume, directoryFlags)
    try {
      await extractInto(into, breathing(treeTar(source, { name: '.', as: '', ownerOf })), { path: '.' })
    } finally {
      closeSync(into)
    }
    const owner = ownerOf(status)
    chownSync(volume, owner.uid, owner.gid)
    chmodSync(volume, status.mode & 0o7777)
  } finally {
    closeDescriptor(source)
  }
}

/** A directory of a root file system; links on the way never lead outside. Undefined when there is none. */
function openInRoot(rootfs: string, path: string): number | undefined {
  const root = openSync(rootfs, directoryFlags)
  try {
    return openBeneath(root, path, { directory: true, inRoot: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '')) return undefined
    throw error
  } finally {
    closeSync(root)
  }
}

/** Reading and writing files blocks this thread: others have their turn between two chunks. */
async function* breathing(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk
    await pause()
  }
}
