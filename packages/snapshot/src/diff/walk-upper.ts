import { lstatSync, readdirSync, readlinkSync, type BigIntStats } from 'node:fs'
import { getAttribute, listAttributes, splitDevice } from '@gantry/linux'
import { decodeText, encodeText, type TarHeader } from '@gantry/tar'
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

/**
 * Walks an upper directory in path order (by bytes within a directory), without its root. Sockets are left out, as tar has
 * none; so are overlay's own attributes.
 */
export function* walkUpper(upper: string, format: OverlayFormat): Generator<UpperEntry> {
  const links = new Map<bigint, string>()
  yield* walk({ upper, format, links }, '')
}

interface Walk {
  readonly upper: string
  readonly format: OverlayFormat
  /** First path of each file with several names. */
  readonly links: Map<bigint, string>
}

function* walk(context: Walk, directory: string): Generator<UpperEntry> {
  const names = readdirSync(diskPath(context, directory), { encoding: 'buffer' }).toSorted((a, b) =>
    Buffer.compare(a, b),
  )
  for (const name of names) {
    const path = `${directory}${decodeText(name)}`
    const entry = describe(context, path)
    if (entry === undefined) continue
    yield entry
    if (entry.kind === 'entry' && entry.header.type === 'directory') yield* walk(context, `${path}/`)
  }
}

function describe(context: Walk, path: string): UpperEntry | undefined {
  const at = diskPath(context, path)
  const stats = lstatSync(at, { bigint: true })
  if (stats.isCharacterDevice() && stats.rdev === 0n) return { kind: 'whiteout', path }
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
    const first = context.links.get(stats.ino)
    if (first !== undefined) {
      return { kind: 'entry', header: { ...common, type: 'hardlink', linkPath: first }, opaque: false, at }
    }
    context.links.set(stats.ino, path)
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

function diskPath({ upper }: Walk, path: string): string | Buffer {
  const whole = `${upper}/${path}`
  return whole.isWellFormed() ? whole : Buffer.from(encodeText(whole))
}
