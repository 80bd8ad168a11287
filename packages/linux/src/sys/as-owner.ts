import { checked, libc } from './libc.ts'
import { SystemCallError } from './system-call-error.ts'

// The C library makes both for the calling thread alone, unlike setuid(2).
const setfsuidCall = libc('setfsuid', ['uint32'], 'uint32')
const setfsgidCall = libc('setfsgid', ['uint32'], 'uint32')
const prctlCall = libc('prctl', ['int32', 'uint64', 'uint64', 'uint64', 'uint64'])

const PR_GET_SECUREBITS = 27
const PR_SET_SECUREBITS = 28
const SECBIT_NO_SETUID_FIXUP = 4
const EPERM = 1
/** No user: such a call only answers with who it is. */
const none = 4_294_967_295

/**
 * Works as root whose new files belong to somebody else: the kernel asks a file system to make them for that user, and one that
 * shows mapped owners can only make files of users that it maps. All power of root stays, also over files of others. Only calls
 * on this thread that return before `work` does are made so: nothing that goes through Node's thread pool.
 *
 * @throws SystemCallError, what `work` throws
 */
export function asOwner<T>({ uid, gid }: { readonly uid: number; readonly gid: number }, work: () => T): T {
  const before = { uid: Number(setfsuidCall(none)), gid: Number(setfsgidCall(none)) }
  if (before.uid === uid && before.gid === gid) return work()
  const bits = checked(prctlCall(PR_GET_SECUREBITS, 0n, 0n, 0n, 0n), 'prctl', 'the thread')
  // Else the kernel takes the capabilities over files away from a user who is not root.
  checked(prctlCall(PR_SET_SECUREBITS, BigInt(bits | SECBIT_NO_SETUID_FIXUP), 0n, 0n, 0n), 'prctl', 'the thread')
  try {
    become({ uid, gid })
    return work()
  } finally {
    become(before)
    checked(prctlCall(PR_SET_SECUREBITS, BigInt(bits), 0n, 0n, 0n), 'prctl', 'the thread')
  }
}

function become({ uid, gid }: { readonly uid: number; readonly gid: number }): void {
  setfsgidCall(gid)
  setfsuidCall(uid)
  if (Number(setfsuidCall(none)) !== uid || Number(setfsgidCall(none)) !== gid)
    throw new SystemCallError(EPERM, 'setfsuid', `${String(uid)}:${String(gid)}`)
}
