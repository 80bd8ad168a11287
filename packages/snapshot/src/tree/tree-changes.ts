import { lstatSync, readdirSync, type Stats } from 'node:fs'
import { walkUpper, type UpperEntry } from '../diff/walk-upper.ts'
import { overlayFormat } from '../overlay-format.ts'

/** A path that a writable layer changes. */
export interface TreeChange {
  /** From the root, with a slash before it. */
  readonly path: string
  readonly kind: 'modified' | 'added' | 'deleted'
}

/** What the runtime makes to mount on; people have not changed it. */
const mountPoints = new Set(
  'dev,proc,sys,etc/hosts,etc/hostname,etc/resolv.conf,sbin/docker-init'.split(',').map((path) => `/${path}`),
)

/**
 * What an upper directory changes of what is below it, by path: with the directories that something was changed in, without
 * the empty files and directories that a container runtime makes to mount on. `below` is never written to; `upper` may be
 * while this reads it.
 */
export function treeChanges(
  upper: string,
  below: string | undefined,
  host: Parameters<typeof overlayFormat>[0],
): TreeChange[] {
  const changes = new Map<string, TreeChange['kind']>()
  const idle = new Set<string>()
  // The directory below that is behind one of the upper ones, without a symbolic link on the way.
  const behind = new Map<string, string | undefined>([['', below]])
  for (const entry of walkUpper(upper, overlayFormat(host))) {
    const path = `/${entry.kind === 'entry' ? entry.header.path : entry.path}`
    const slash = path.lastIndexOf('/')
    const parent = behind.get(path.slice(0, slash))
    const at = parent === undefined ? undefined : `${parent}/${path.slice(slash + 1)}`
    const there = at === undefined ? undefined : lstatSync(at, { throwIfNoEntry: false })
    if (entry.kind === 'whiteout') {
      if (there !== undefined) changes.set(path, 'deleted')
      continue
    }
    if (there === undefined && mountPoints.has(path) && entry.header.size === 0) continue
    changes.set(path, there === undefined ? 'added' : 'modified')
    if (entry.header.type !== 'directory') continue
    behind.set(path, there?.isDirectory() === true ? at : undefined)
    if (there?.isDirectory() !== true || at === undefined) continue
    if (entry.opaque) for (const name of missing(at, entry)) changes.set(`${path}/${name}`, 'deleted')
    else if (sameDirectory(there, entry)) idle.add(path)
  }
  const paths = [...changes.keys()].toSorted()
  // A directory that is only there because a mount point was made in it.
  const isKept = (path: string): boolean =>
    !idle.has(path) || !isAboveMountPoint(path) || paths.some((other) => other.startsWith(`${path}/`))
  return paths.filter(isKept).map((path) => ({ path, kind: changes.get(path) ?? 'modified' }))
}

function missing(at: string, { at: own }: UpperEntry & { readonly kind: 'entry' }): readonly string[] {
  const kept = new Set(readdirSync(own))
  return readdirSync(at).filter((name) => !kept.has(name))
}

function sameDirectory(there: Stats, { header }: UpperEntry & { readonly kind: 'entry' }): boolean {
  return (there.mode & 0o7777) === header.mode && there.uid === header.uid && there.gid === header.gid
}

function isAboveMountPoint(path: string): boolean {
  return [...mountPoints].some((place) => place.startsWith(`${path}/`))
}
