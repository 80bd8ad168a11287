import { errorCode } from '../sys/system-call-error.ts'
import { mountPlaceOf } from '../sys/statx.ts'
import type { Check, Verdict } from './verdict.ts'

/** The kernel's version and what containers need of it, and whether this Node can make its calls. */
export const checkKernel: Check = async ({ host }) => {
  const verdicts: Verdict[] = [kernel(host), calls()]
  if (!host.seccomp) {
    verdicts.push({
      topic: 'seccomp',
      verdict: 'warning',
      sentence: 'The kernel has no seccomp: system calls of containers are not filtered',
      mend: 'Use a kernel with CONFIG_SECCOMP_FILTER',
    })
  }
  const confinement = host.apparmor ? 'AppArmor' : host.selinux ? 'SELinux' : undefined
  verdicts.push({
    topic: 'confinement',
    verdict: 'ok',
    sentence: [
      ...(host.seccomp ? ['seccomp filters system calls'] : []),
      confinement === undefined ? 'no AppArmor or SELinux on this machine' : `${confinement} is on`,
      host.userNamespaces ? 'user namespaces are there' : 'no user namespaces',
    ].join(', '),
  })
  return verdicts
}

function kernel({ kernelVersion: [major, minor], kernel, arch, distribution }: Parameters<Check>[0]['host']): Verdict {
  const found = `Linux ${kernel} on ${arch}, ${distribution}`
  if (major < 5 || (major === 5 && minor < 6)) {
    return {
      topic: 'kernel',
      verdict: 'failure',
      sentence: `${found}: safe extraction of layers needs 5.6 (openat2)`,
      mend: 'Install a kernel of Linux 5.10 or later',
    }
  }
  if (major === 5 && minor < 10) {
    return {
      topic: 'kernel',
      verdict: 'warning',
      sentence: `${found}: volatile overlays need 5.10, builds are slower without`,
    }
  }
  return { topic: 'kernel', verdict: 'ok', sentence: found }
}

function calls(): Verdict {
  try {
    mountPlaceOf('/')
    return {
      topic: 'system calls',
      verdict: 'ok',
      sentence: `Node ${process.version} calls the kernel`,
    }
  } catch (error) {
    const reason = errorCode(error) ?? String(error)
    return {
      topic: 'system calls',
      verdict: 'failure',
      sentence: `Node ${process.version} cannot call the C library: ${reason}`,
      mend: 'Start Gantry with its own launcher, which brings the right Node',
    }
  }
}
