import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Change } from '../ledger/change.ts'
import type { Door } from '../ledger/door.ts'
import type { MountFlag } from '../sys/mount-flags.ts'
import { mountNow, unmountNow } from '../sys/mount.ts'
import { mountPlaceOf } from '../sys/statx.ts'
import { errorCode } from '../sys/system-call-error.ts'
import { unmount, unmountAside, writtenBack } from '../sys/unmount.ts'
import { shellWords } from './shell-quote.ts'

/** Arguments of {@link mount}. */
export type MountArgs = {
  readonly source: string
  readonly target: string
  /** Default: none, for binds. */
  readonly type?: string
  readonly flags?: readonly MountFlag[]
  /** The file system's own options, comma separated; at most 4095 bytes. */
  readonly data?: string
  /** Where relative paths in `data` start. */
  readonly directory?: string
  /** Path of a user namespace that maps owners: of a bind's source (alone), or of all in `directory`. */
  readonly owners?: string
  /** Needed with both: an existing directory where `directory` is shown with mapped owners meanwhile, in one that only root may pass. */
  readonly view?: string
  /** As whose an overlay makes what it needs itself. Default: root. */
  readonly as?: { readonly uid: number; readonly gid: number }
}

/**
 * A mount on an existing directory or file. A bind with further flags (`ro`, `nosuid`) is made in two steps, and a propagation
 * flag in one more, as the kernel wants it. Undo unmounts exactly this mount, by its ID; what is busy is detached. An overlay is written
 * back after its undo, which does not wait for the disk; it is not mounted again before.
 */
export function mount(args: MountArgs, why: string): Change<MountArgs> {
  return { kind: 'mount', args, why }
}

const busyRetries = [2, 5, 10, 20, 50]

/** The door of {@link mount}. */
export const mountDoor: Door<MountArgs> = {
  kind: 'mount',
  describe: (args) => ({
    sentence: sentenceOf(args),
    command: commandOf(args),
    undo: shellWords('umount', args.target),
  }),
  observe: ({ target }) => placeOf(target),
  apply: async (args) => {
    await writtenBack(args.target)
    mountNow(args)
    return placeOf(args.target)
  },
  undo: async (args, identity, { prior }) => {
    // Who is killed while mounting leaves it.
    if (args.view !== undefined) unmountNow(args.view, { detach: true })
    const place = placeOf(args.target)
    if (place === undefined) return
    if (identity === undefined) {
      // Planned: what is on top is ours if it is not what was there before.
      const before = prior ?? placeOf(dirname(args.target))
      if (place === before) return
    } else if (place !== identity) {
      return
    }
    await takeDown(args)
  },
}

async function takeDown(args: MountArgs): Promise<void> {
  const { target, type, flags = [], data = '' } = args
  // Only a file system with something to write back can make its unmounting wait.
  if (type === 'overlay' && !data.split(',').includes('volatile')) {
    unmountAside(target)
    return
  }
  const waits = !['overlay', 'tmpfs', 'proc', 'sysfs', undefined].includes(type)
  const attempt = async (detach: boolean): Promise<void> => {
    if (waits) await unmount(target, { detach })
    else unmountNow(target, { detach })
  }
  if (flags.includes('rbind')) {
    await attempt(true)
    return
  }
  for (const pause of busyRetries) {
    try {
      await attempt(false)
      return
    } catch (error) {
      if (errorCode(error) !== 'EBUSY') throw error
    }
    await sleep(pause)
  }
  await attempt(true)
}

function placeOf(path: string): string | undefined {
  try {
    return mountPlaceOf(path).mount
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

function sentenceOf({ source, target, type, flags = [], owners, as }: MountArgs): string {
  const readOnly = `${flags.includes('ro') ? ' read-only' : ''}${owners === undefined ? '' : `, with owners as the user namespace ${owners} maps them`}${as === undefined ? '' : `; what it makes itself is made as ${String(as.uid)}:${String(as.gid)}`}`
  if (flags.includes('bind') || flags.includes('rbind')) return `Show ${source} at ${target}${readOnly}`
  return type === undefined
    ? `Change the mount at ${target}`
    : `Mount ${type === source ? type : `${type} (${source})`} at ${target}${readOnly}`
}

function commandOf(args: MountArgs): string {
  const { source, target, type, flags = [], data, directory, owners, view } = args
  if (owners !== undefined && directory !== undefined && view !== undefined)
    return mappedCommandOf(args, { directory, owners, view })
  const mapping = owners === undefined ? [] : [`X-mount.idmap=${owners}`]
  const options = [...flags, ...mapping, ...(data === undefined || data === '' ? [] : [data])].join(',')
  const words = [
    'mount',
    ...(type === undefined ? [] : ['-t', type]),
    ...(options === '' ? [] : ['-o', options]),
    source,
    target,
  ]
  return directory === undefined ? shellWords(...words) : `(${shellWords('cd', directory)} && ${shellWords(...words)})`
}

function mappedCommandOf(
  { owners: _owners, view: _view, ...args }: MountArgs,
  { directory, owners, view }: { readonly directory: string; readonly owners: string; readonly view: string },
): string {
  return [
    shellWords('mount', '-o', `bind,X-mount.idmap=${owners}`, directory, view),
    commandOf({ ...args, directory: view }),
    shellWords('umount', '-l', view),
  ].join(' && ')
}
