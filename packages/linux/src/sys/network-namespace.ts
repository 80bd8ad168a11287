import { closeSync, constants, mkdirSync, openSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { checked, libc } from './libc.ts'
import { mountNow } from './mount.ts'
import { errorCode } from './system-call-error.ts'

const setnsCall = libc('setns', ['int32', 'int32'])
const unshareCall = libc('unshare', ['int32'])

const CLONE_NEWNET = 0x40000000
const ownNamespace = '/proc/thread-self/ns/net'

/**
 * Makes a network namespace and keeps it at a path, as `ip netns add` does. This thread is in it only for the length of the call.
 * @throws SystemCallError; EEXIST when something is at the path. Nothing is left then
 */
export function makeNetworkNamespace(path: string): void {
  shareDirectory(dirname(path))
  closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDONLY, 0o444))
  try {
    elsewhere(unshareNetwork, () => mountNow({ source: ownNamespace, target: path, flags: ['bind'] }))
  } catch (error) {
    unlinkSync(path)
    throw error
  }
}

/** Leaves for a new network namespace, for good: for threads that end soon. @throws SystemCallError */
export function unshareNetwork(): void {
  checked(unshareCall(CLONE_NEWNET), 'unshare', 'the network namespace')
}

/** Does something in the network namespace at a path. Synchronous: nothing else of this thread runs meanwhile. @throws SystemCallError */
export function inNetworkNamespace<T>(path: string, work: () => T): T {
  const fd = openSync(path, 'r')
  try {
    return elsewhere(() => checked(setnsCall(fd, CLONE_NEWNET), 'setns', `"${path}"`), work)
  } finally {
    closeSync(fd)
  }
}

function elsewhere<T>(enter: () => void, work: () => T): T {
  const own = openSync(ownNamespace, 'r')
  try {
    // Who may not come back must not leave: in a user namespace one may own the new network and not the old one.
    checked(setnsCall(own, CLONE_NEWNET), 'setns', 'the network namespace')
    enter()
    try {
      return work()
    } finally {
      // This thread would go on in the wrong network, silently.
      if (Number(setnsCall(own, CLONE_NEWNET)) !== 0) process.abort()
    }
  } finally {
    closeSync(own)
  }
}

/** Lets mounts below a directory spread to other mount namespaces, and so do their ends: else a namespace would live as long as any of those. */
export function shareDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o755 })
  try {
    mountNow({ source: 'none', target: path, flags: ['rshared'] })
  } catch (error) {
    // It is no mount yet: the first namespace since the machine has started.
    if (errorCode(error) !== 'EINVAL') throw error
    mountNow({ source: path, target: path, flags: ['rbind', 'rshared'] })
  }
}
