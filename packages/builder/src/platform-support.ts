import { readdirSync } from 'node:fs'
import { type Host, type MountObstacle, whyNoMounts } from '@gantry/linux'
import type { Platform } from '@gantry/oci'

/** Architectures whose programs a processor also runs. */
const alsoRuns: Readonly<Record<string, readonly string[]>> = { amd64: ['386'] }

const emulators: Readonly<Record<string, string>> = {
  amd64: 'qemu-x86_64',
  arm64: 'qemu-aarch64',
  arm: 'qemu-arm',
  riscv64: 'qemu-riscv64',
  ppc64le: 'qemu-ppc64le',
  s390x: 'qemu-s390x',
  386: 'qemu-i386',
}

/** Whether this machine can run programs of a platform, by its processor or by an emulator registered with binfmt_misc. */
export function canRun(platform: Platform, host: Platform): boolean {
  if (platform.os !== host.os) return false
  const { architecture } = platform
  if (architecture === host.architecture || alsoRuns[host.architecture]?.includes(architecture) === true) return true
  try {
    const registered = readdirSync('/proc/sys/fs/binfmt_misc')
    return registered.includes(emulators[architecture] ?? '')
  } catch {
    return false
  }
}

/** Why this process cannot run any program in an image, and what would allow it; undefined when it can. */
export function runObstacle({ privileges }: Pick<Host, 'privileges'>): MountObstacle | undefined {
  return privileges.mounts ? undefined : whyNoMounts()
}
