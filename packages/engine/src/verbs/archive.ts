import { lstatSync, readlinkSync, type Stats } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { closeDescriptor, errorCode, openBeneath } from '@gantry/linux'
import { resolveUser } from '@gantry/runtime'
import { extractInto, SnapshotError, treeTar } from '@gantry/snapshot'
import type { Context } from '../context.ts'
import type { ContainerRecord } from '../container/record.ts'
import { insideOf, outsideOf } from '../container/users/container-users.ts'
import { EngineError } from '../engine-error.ts'
import { containerEvent } from '../events/container-event.ts'
import { withTree, type ContainerTree } from '../run/container-tree.ts'

/** What has a path in a container; itself if it is a symbolic link. */
export interface PathStat {
  readonly name: string
  readonly size: number
  /** Type and permissions, as in stat(2). */
  readonly mode: number
  /** Milliseconds since the epoch. */
  readonly modified: number
  /** Of a symbolic link: the path in the container that it leads to; else empty. */
  readonly linkTarget: string
}

/** How an archive is taken in. */
export interface ExtractOptions {
  readonly path: string
  /** A directory stays one, and nothing else becomes one. */
  readonly keepDirectories?: boolean
  /** Everything gets the container's user as its owner. Default: what the archive says. */
  readonly ownedByUser?: boolean
}

/** Tells of a path in a container. @throws EngineError CONTAINER_UNKNOWN, FILE_UNKNOWN */
export async function statPath(context: Context, reference: string, path: string): Promise<PathStat> {
  const { id } = context.containers.find(reference)
  return withTree(context, id, async (tree) => {
    const place = placeOf(tree, path)
    closeDescriptor(place.directory)
    return place.stat
  })
}

/** Reads a path of a container as a tar: what has the path, with all below it, under its last name; after `/.` the content of a
 * directory under `.`. A symbolic link is itself. The container may run. @throws EngineError CONTAINER_UNKNOWN, FILE_UNKNOWN */
export async function readPath(
  context: Context,
  reference: string,
  path: string,
): Promise<{ stat: PathStat; tar: AsyncIterable<Uint8Array> }> {
  const record = context.containers.find(reference)
  const opened = Promise.withResolvers<{ stat: PathStat; tar: AsyncIterable<Uint8Array> }>()
  const read = Promise.withResolvers<void>()
  const work = withTree(context, record.id, async (tree) => {
    const { directory, name, as, stat } = placeOf(tree, path)
    try {
      const tar = treeTar(directory, { name, as, ownerOf: (seen) => insideOf(record.spec.users, seen) })
      opened.resolve({ stat, tar: untilRead(tar, read.resolve) })
      context.events.emit(containerEvent(record, 'archive-path'))
      await read.promise
    } finally {
      closeDescriptor(directory)
    }
  })
  work.catch(opened.reject)
  return opened.promise
}

/** Passes on, and tells when nobody reads any more. */
async function* untilRead(
  tar: AsyncIterable<Uint8Array>,
  done: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* tar
  } finally {
    done()
  }
}

/** Writes a tar into a directory of a container, over what is there. Nothing is written outside of the container, whatever runs in it
 * does meanwhile. @throws EngineError CONTAINER_UNKNOWN, FILE_UNKNOWN, FILE_INVALID, ROOTFS_READONLY; TarError */
export async function extractArchiveAt(
  context: Context,
  reference: string,
  { options, archive }: { options: ExtractOptions; archive: AsyncIterable<Uint8Array> },
): Promise<void> {
  const { path, keepDirectories = false, ownedByUser = false } = options
  const { id } = context.containers.find(reference)
  await withTree(context, id, async (tree) => {
    const { root, record } = tree
    const target = realDirectory(tree, path)
    if (record.spec.readonlyRoot && !isOnWritableMount(record, `/${target}`)) throw readonlyRoot(record)
    const user = ownedByUser && record.spec.user !== '' ? userOf(tree) : undefined
    try {
      await extractInto(root, archive, {
        path: target === '' ? '.' : target,
        replaceDirectories: !keepDirectories,
        ...(record.spec.users === undefined ? {} : { as: outsideOf(record.spec.users, { uid: 0, gid: 0 }) }),
        ownerOf: (inside) => outsideOf(record.spec.users, inside),
        ...(user === undefined ? {} : { owner: outsideOf(record.spec.users, user) }),
      })
    } catch (error) {
      if (errorCode(error) === 'EROFS') throw readonlyRoot(record)
      if (error instanceof SnapshotError) throw new EngineError('FILE_INVALID', error.message, { cause: error })
      throw error
    }
    context.events.emit(containerEvent(record, 'extract-to-dir'))
  })
}

function userOf({ root, record }: ContainerTree): { uid: number; gid: number } {
  return resolveUser(`/proc/self/fd/${String(root)}`, record.spec.user)
}

function readonlyRoot({ name }: ContainerRecord): EngineError {
  return new EngineError('ROOTFS_READONLY', `container rootfs is marked read-only: cannot copy into container ${name}`)
}

function isOnWritableMount({ spec }: ContainerRecord, path: string): boolean {
  const over = spec.mounts.filter(({ target }) => path === target || path.startsWith(`${target}/`)).at(-1)
  return over !== undefined && (over.type === 'tmpfs' || !over.readonly)
}

interface Place {
  /** An open reference; the caller closes it. */
  readonly directory: number
  /** In the directory; `.` is the directory itself. */
  readonly name: string
  /** What it is called in an archive. */
  readonly as: string
  readonly stat: PathStat
}

/** Finds a path: links on the way are followed within the container, the last one only before a slash. */
function placeOf(tree: ContainerTree, asked: string): Place {
  const path = normalize(join('/', asked))
  const inside = /\/\.?$/.test(asked) || path === '/'
  const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
  const unknown = (cause: unknown): EngineError =>
    new EngineError('FILE_UNKNOWN', `Could not find the file ${asked} in container ${tree.record.name}`, { cause })
  let directory: number | undefined
  try {
    directory = openBeneath(tree.root, inside ? plain : dirname(plain), { directory: true, inRoot: true })
    const name = inside ? '.' : basename(plain)
    const stats = lstatSync(`/proc/self/fd/${String(directory)}/${name}`)
    const as = asked.endsWith('/.') && plain !== '/' ? '.' : plain === '/' ? '/' : basename(plain)
    const linkTarget = stats.isSymbolicLink() ? targetOf(tree, plain) : ''
    const stat = statOf(stats, { name: plain === '/' ? '/' : basename(plain), linkTarget })
    return { directory, name, as, stat }
  } catch (error) {
    if (directory !== undefined) closeDescriptor(directory)
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') throw unknown(error)
    throw error
  }
}

function statOf(stats: Stats, more: { name: string; linkTarget: string }): PathStat {
  return { ...more, size: stats.size, mode: stats.mode, modified: stats.mtimeMs }
}

/** Where a link leads, as a path in the container; one that leads to nothing as it is written. */
function targetOf(tree: ContainerTree, path: string): string {
  let end: number | undefined
  try {
    end = openBeneath(tree.root, path, { inRoot: true, follow: true })
    return `/${pathInTree(tree, end)}`
  } catch {
    const directory = openBeneath(tree.root, dirname(path), { directory: true, inRoot: true })
    try {
      return join(dirname(path), readlinkSync(`/proc/self/fd/${String(directory)}/${basename(path)}`))
    } finally {
      closeDescriptor(directory)
    }
  } finally {
    if (end !== undefined) closeDescriptor(end)
  }
}

/** The path of an open reference from the tree's root, without a slash before it. */
function pathInTree({ root }: ContainerTree, fd: number): string {
  const top = readlinkSync(`/proc/self/fd/${String(root)}`)
  const whole = readlinkSync(`/proc/self/fd/${String(fd)}`)
  return whole.slice(top === '/' ? 1 : top.length + 1)
}

/** The path of a directory from the tree's root, without symbolic links. */
function realDirectory(tree: ContainerTree, path: string): string {
  let fd: number | undefined
  try {
    fd = openBeneath(tree.root, normalize(join('/', path)), { directory: true, inRoot: true })
    return pathInTree(tree, fd)
  } catch (cause) {
    const code = errorCode(cause)
    if (code === 'ENOTDIR')
      throw new EngineError('FILE_INVALID', `extraction point is not a directory: ${path}`, { cause })
    if (code === 'ENOENT' || code === 'ELOOP')
      throw new EngineError('FILE_UNKNOWN', `Could not find the file ${path} in container ${tree.record.name}`, {
        cause,
      })
    throw cause
  } finally {
    if (fd !== undefined) closeDescriptor(fd)
  }
}
