import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  type Stats,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setImmediate as pause } from 'node:timers/promises'
import { closeDescriptor, errorCode, openBeneath, renameAt } from '@gantry/linux'
import { extractInto, treeTar } from '@gantry/snapshot'

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY

/** Volumes that are being filled: the last of those who wait for one another. */
const filling = new Map<string, Promise<void>>()

/**
 * Fills an empty volume with what the image has at the place where the volume will be mounted, with owners, modes and extended
 * attributes. A volume that holds something is left alone. The files are gathered beside the volume's directory and moved into it when
 * all are there: a volume is never filled by half, and what was killed while moving is moved on by the next call. Another
 * container may have the volume already and change it meanwhile: nothing is written outside of it, whatever links that one makes, and
 * nothing that it made is replaced.
 */
export async function copyUp(request: { rootfs: string; path: string; volume: string }): Promise<void> {
  const { volume } = request
  const before = filling.get(volume) ?? Promise.resolve()
  const work = before.catch(() => undefined).then(() => fill(request))
  filling.set(volume, work)
  try {
    await work
  } finally {
    if (filling.get(volume) === work) filling.delete(volume)
  }
}

/** Moves on what a process that ended had begun to move into a volume, and removes what it had not gathered yet. */
export async function finishCopyUp(volume: string): Promise<void> {
  const gathered = join(dirname(volume), '_gathered')
  if (existsSync(gathered)) await moveInto(volume, gathered)
  await rm(join(dirname(volume), '_half'), { recursive: true, force: true })
}

async function fill({ rootfs, path, volume }: { rootfs: string; path: string; volume: string }): Promise<void> {
  await finishCopyUp(volume)
  if (readdirSync(volume).length > 0) return
  const source = openInRoot(rootfs, path)
  if (source === undefined) return
  const half = join(dirname(volume), '_half')
  const gathered = join(dirname(volume), '_gathered')
  try {
    mkdirSync(half, { mode: 0o700 })
    const into = openSync(half, directoryFlags)
    try {
      await extractInto(into, breathing(treeTar(source, { name: '.', as: '' })), { path: '.' })
    } finally {
      closeSync(into)
    }
    own(half, fstatSync(source))
    renameSync(half, gathered)
    await moveInto(volume, gathered)
  } catch (error) {
    await rm(half, { recursive: true, force: true })
    throw error
  } finally {
    closeDescriptor(source)
  }
}

/** Moves what was gathered into a volume. What somebody has put there meanwhile stays. */
async function moveInto(volume: string, gathered: string): Promise<void> {
  own(volume, statSync(gathered))
  const [from, to] = [openSync(gathered, directoryFlags), openSync(volume, directoryFlags)]
  try {
    for (const name of readdirSync(gathered, { encoding: 'buffer' })) {
      const ended = Buffer.concat([name, Buffer.alloc(1)])
      renameAt(from, ended, to, ended)
    }
  } finally {
    closeSync(from)
    closeSync(to)
  }
  await rm(gathered, { recursive: true, force: true })
}

function own(path: string, { uid, gid, mode }: Stats): void {
  chownSync(path, uid, gid)
  chmodSync(path, mode & 0o7777)
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
