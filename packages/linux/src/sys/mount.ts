import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { asOwner } from './as-owner.ts'
import { checked, libc, errno } from './libc.ts'
import { bindMapped } from './mapped-mount.ts'
import { mountSteps, type MountFlag } from './mount-flags.ts'
import { SystemCallError } from './system-call-error.ts'

const mountCall = libc('mount', ['pointer', 'string', 'pointer', 'uint64', 'pointer'])
const umountCall = libc('umount2', ['string', 'int32'])
const chdirCall = libc('chdir', ['string'])
const unshareCall = libc('unshare', ['int32'])

const CLONE_FS = 0x200
const UMOUNT_NOFOLLOW = 8
const MNT_DETACH = 2
const EPERM = 1
const pageLimit = 4095

/** What is mounted where. */
export interface MountRequest {
  readonly source: string
  readonly target: string
  /** Default: none, for binds and remounts. */
  readonly type?: string
  readonly flags?: readonly MountFlag[]
  /** The file system's own options; at most 4095 bytes, the kernel's page. */
  readonly data?: string
  /** Where relative paths in `data` start. */
  readonly directory?: string
  /** Path of a user namespace that maps owners: of a bind's source (alone, without what is mounted below), or of all in `directory`. */
  readonly owners?: string
  /** Needed with both: an existing directory where `directory` is shown with mapped owners meanwhile, in one that only root may pass. */
  readonly view?: string
  /** As whose a file system makes what it needs itself; overlay does so for as long as it is mounted. Default: who calls. */
  readonly as?: { readonly uid: number; readonly gid: number }
}

/**
 * Mounts, as mount(2); flags that the kernel takes only in a further call (read-only binds, propagation) are given in one.
 * When such a further call fails, the mount is taken back.
 * @throws SystemCallError
 */
export function mountNow(request: MountRequest): void {
  const { source, target, type, data, directory, owners: namespace } = request
  if (namespace !== undefined) {
    if (directory === undefined) bindMapped({ source, target, namespace, ...readonlyOf(request) })
    else inMapped({ directory, view: request.view, namespace }, () => mountNow(withoutOwners(request)))
    return
  }
  const subject = `"${source}" on "${target}"${type === undefined ? '' : ` (${type})`}`
  if (data !== undefined && Buffer.byteLength(data) > pageLimit) throw new SystemCallError(7, 'mount', subject)
  // A bind of a bind's flags needs no second type; the kernel ignores what it does not want.
  const call = (flags: number): number =>
    checked(mountCall(source, target, type ?? null, BigInt(flags), data ?? null), 'mount', subject)
  inDirectory(directory, () => {
    const [first, ...further] = mountSteps(request.flags ?? [])
    if (request.as === undefined) call(first ?? 0)
    else asOwner(request.as, () => call(first ?? 0))
    try {
      for (const flags of further) {
        checked(mountCall('none', target, null, BigInt(flags), null), 'mount', subject)
      }
    } catch (error) {
      umountCall(target, UMOUNT_NOFOLLOW | MNT_DETACH)
      throw error
    }
  })
}

/**
 * Unmounts what is on top at a path, as umount2(2), on this thread: it may wait for the file system to write back.
 * @returns whether there was a mount
 * @throws SystemCallError EBUSY and others
 */
export function unmountNow(target: string, options: { readonly detach?: boolean } = {}): boolean {
  if (Number(umountCall(target, UMOUNT_NOFOLLOW | (options.detach === true ? MNT_DETACH : 0))) === 0) return true
  const code = errno()
  // EINVAL: not a mount point; ENOENT and ENOTDIR: not there at all.
  if (code === 22 || code === 2 || code === 20) return false
  throw new SystemCallError(code, 'umount', `"${target}"`)
}

function readonlyOf({ flags = [] }: MountRequest): { readonly readonly: boolean } {
  return { readonly: flags.includes('ro') }
}

/** Relative to where it is called. */
function withoutOwners({ owners: _owners, ...request }: MountRequest): MountRequest {
  return { ...request, directory: '.' }
}

/** Shows a directory with its owners mapped, and works in it. What is mounted from it keeps them. */
function inMapped(
  { directory, view, namespace }: { directory: string; view: string | undefined; namespace: string },
  work: () => void,
): void {
  if (view === undefined || !isRootsAlone(dirname(view)))
    throw new SystemCallError(EPERM, 'mount', `"${String(view)}": whom it is mapped to could pass to "${directory}"`)
  bindMapped({ source: directory, target: view, namespace })
  try {
    inDirectory(view, work)
  } finally {
    unmountNow(view, { detach: true })
  }
}

/** Mapped owners are users of the host: what they can open in the view they could change, in everybody's layers. */
function isRootsAlone(path: string): boolean {
  const { uid, mode } = statSync(path)
  return uid === 0 && (mode & 0o077) === 0
}

let ownWorkingDirectory = false

// The working directory belongs to the whole process unless this thread has its own: other threads resolve relative paths too.
function inDirectory(directory: string | undefined, work: () => void): void {
  if (directory === undefined) {
    work()
    return
  }
  if (!ownWorkingDirectory) {
    checked(unshareCall(CLONE_FS), 'unshare', 'the working directory')
    ownWorkingDirectory = true
  }
  const before = process.cwd()
  checked(chdirCall(directory), 'chdir', `"${directory}"`)
  try {
    work()
  } finally {
    chdirCall(before)
  }
}
