import { existsSync, readFileSync } from 'node:fs'
import { which } from '@gantry/process'

/** Why this process may not mount or make namespaces, and what would allow it. */
export interface MountObstacle {
  readonly reason: string
  readonly hint: string
}

/** Finds why an ordinary user cannot have a user namespace of its own here. Looks at what it may, and changes nothing. */
export function whyNoMounts(): MountObstacle {
  const setting = (name: string): string => {
    try {
      return readFileSync(`/proc/sys/${name}`, 'utf8').trim()
    } catch {
      return ''
    }
  }
  const inContainer = existsSync('/.dockerenv') || existsSync('/run/.containerenv')
  const outside = inContainer
    ? 'start this container with "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined", or'
    : 'run this as root, or'
  if (!existsSync('/proc/self/ns/user'))
    return { reason: 'the kernel has no user namespaces', hint: 'run this as root' }
  if (setting('user/max_user_namespaces') === '0') {
    return {
      reason: 'user namespaces are turned off here',
      hint: `${outside} let root set "sysctl user.max_user_namespaces=15000"`,
    }
  }
  if (setting('kernel/unprivileged_userns_clone') === '0') {
    return {
      reason: "user namespaces are root's alone here",
      hint: `${outside} let root set "sysctl kernel.unprivileged_userns_clone=1"`,
    }
  }
  if (setting('kernel/apparmor_restrict_unprivileged_userns') === '1') {
    return {
      reason: 'AppArmor keeps ordinary users from user namespaces here',
      hint: `${outside} let root set "sysctl kernel.apparmor_restrict_unprivileged_userns=0"`,
    }
  }
  if (which('unshare') === undefined) {
    return { reason: 'the program "unshare" is missing', hint: `${outside} install the package "util-linux"` }
  }
  if (/^Seccomp:\s*2$/m.test(ownStatus())) {
    return {
      reason: 'a seccomp filter keeps this process from user namespaces, as in a container with its defaults',
      hint: `${outside} give this container CAP_SYS_ADMIN`,
    }
  }
  return {
    reason: 'this process is in no user namespace of its own',
    hint: `${outside} start it with the command "gantry", which enters one`,
  }
}

function ownStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8')
  } catch {
    return ''
  }
}
