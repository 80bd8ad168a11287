import { constants, lstatSync, openSync, readdirSync, readlinkSync, type BigIntStats } from 'node:fs'
import { closeDescriptor, errorCode, getAttribute, listAttributes, openAt, splitDevice } from '@gantry/linux'
import { decodeText, encodeText, type TarHeader } from '@gantry/tar'
import { nativeName } from '../extract/entry-name.ts'
import type { OverlayFormat } from '../overlay-format.ts'

/** One thing in an upper directory. */
export type UpperEntry =
  | { readonly kind: 'whiteout'; readonly path: string }
  | {
      readonly kind: 'entry'
      readonly header: TarHeader
      /** Whether a directory hides what lies below it. */
      readonly opaque: boolean
      /** Where it is on disk. */
      readonly at: string | Buffer
    }

/** Flags that open a directory itself, never what a symbolic link leads to. */
const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

/**
 * Walks an upper directory in path order (by bytes within a directory), without its root. Sockets are left out, as tar has
 * none; so are overlay's own attributes. Each directory is opened by its name in the one above and never by a path, so that
 * whoever changes the tree meanwhile cannot lead the walk out of it; what vanishes is left out.
 */
export function* walkUpper(upper: string, format: OverlayFormat): Generator<UpperEntry> {
  const root = openSync(upper, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    yield* walk({ format, links: new Map() }, root, '')
  } finally {
    closeDescriptor(root)
  }
}

/** Walks what has a name in an open directory, itself first, as if its name were `as`; itself has no entry when that is empty. @throws SystemCallError ENOENT */
export function* walkNamed(
  directory: number,
  { name, as, format }: { readonly name: string; readonly as: string; readonly format: OverlayFormat },
): Generator<UpperEntry> {
  const context: Walk = { format, links: new Map() }
  const entry = describe(context, { directory, name, path: as })
  if (entry === undefined) return
  if (as !== '') yield entry
  if (entry.kind === 'entry' && entry.header.type === 'directory')
    yield* walkBelow(context, { directory, name, path: as })
}

interface Walk {
  readonly format: OverlayFormat
  /** First path of each file with several names, by device and inode. */
  readonly links: Map<string, string>
}

/** A name in an open directory, and the path that it has in the tree. */
interface At {
  readonly directory: number
  readonly name: string
  readonly path: string
}

function* walk(context: Walk, directory: number, prefix: string): Generator<UpperEntry> {
  const names = readdirSync(`/proc/self/fd/${String(directory)}`, { encoding: 'buffer' }).toSorted((a, b) =>
    Buffer.compare(a, b),
  )
  for (const raw of names) {
    const name = decodeText(raw)
    const at = { directory, name, path: `${prefix}${name}` }
    const entry = unlessGone(() => describe(context, at))
    if (entry === undefined) continue
    yield entry
    if (entry.kind === 'entry' && entry.header.type === 'directory') yield* walkBelow(context, at)
  }
}

function* walkBelow(context: Walk, { directory, name, path }: At): Generator<UpperEntry> {
  const below = unlessGone(() => openAt(directory, nativeName(name), directoryFlags))
  if (below === undefined) return
  try {
    yield* walk(context, below, path === '' || path.endsWith('/') ? path : `${path}/`)
  } finally {
    closeDescriptor(below)
  }
}

/** Somebody may remove or replace a name between two looks at it. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}

function describe(context: Walk, place: At): UpperEntry | undefined {
  const { path } = place
  const at = diskPath(place)
  const stats = lstatSync(at, { bigint: true })
  if (context.format.whiteouts && stats.isCharacterDevice() && stats.rdev === 0n) return { kind: 'whiteout', path }
  const type = typeOf(stats)
  if (type === undefined) return undefined
  const common = {
    path,
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: 0,
    mtime: Math.floor(Number(stats.mtimeNs / 1_000_000n) / 1000),
  }
  if (type !== 'directory' && stats.nlink > 1n) {
    const key = `${String(stats.dev)}:${String(stats.ino)}`
    const first = context.links.get(key)
    if (first !== undefined) {
      return { kind: 'entry', header: { ...common, type: 'hardlink', linkPath: first }, opaque: false, at }
    }
    context.links.set(key, path)
  }
  const { xattrs, opaque } = attributes(context, at)
  const header: TarHeader = {
    ...common,
    type,
    ...particulars(type, stats, at),
    ...(xattrs === undefined ? {} : { xattrs }),
  }
  return { kind: 'entry', header, opaque: opaque && type === 'directory', at }
}

function particulars(type: TarHeader['type'], stats: BigIntStats, at: string | Buffer): Partial<TarHeader> {
  if (type === 'file') return { size: Number(stats.size) }
  if (type === 'symlink') return { linkPath: decodeText(readlinkSync(at, { encoding: 'buffer' })) }
  if (type !== 'character' && type !== 'block') return {}
  const { major, minor } = splitDevice(stats.rdev)
  return { devMajor: major, devMinor: minor }
}

function attributes(
  { format }: Walk,
  at: string | Buffer,
): { readonly xattrs?: Readonly<Record<string, Uint8Array>>; readonly opaque: boolean } {
  const path = typeof at === 'string' ? at : Buffer.concat([at, Buffer.alloc(1)])
  const names = listAttributes(path)
  if (names.length === 0) return { opaque: false }
  // What belongs to the machine and not to the image: overlay's own, access control of the host.
  const kept = names.filter((name) => !name.startsWith(format.privateXattrs) && name !== 'security.selinux')
  const opaque = names.includes(format.opaqueXattr) && getAttribute(path, format.opaqueXattr)?.[0] === 0x79
  if (kept.length === 0) return { opaque }
  const xattrs = Object.fromEntries(kept.map((name) => [name, getAttribute(path, name) ?? new Uint8Array()]))
  return { xattrs, opaque }
}

function typeOf(stats: BigIntStats): TarHeader['type'] | undefined {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isCharacterDevice()) return 'character'
  if (stats.isBlockDevice()) return 'block'
  return stats.isFIFO() ? 'fifo' : undefined
}

function diskPath({ directory, name }: At): string | Buffer {
  const whole = `/proc/self/fd/${String(directory)}/${name}`
  return whole.isWellFormed() ? whole : Buffer.from(encodeText(whole))
}
