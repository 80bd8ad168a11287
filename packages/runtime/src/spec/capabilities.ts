import { RuntimeError } from '../runtime-error.ts'

/** Docker's 14 default capabilities: CapEff 00000000a80425fb. */
export const defaultCapabilities: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
]

/** Every capability in the kernel's order: the index is the bit (linux/capability.h). */
export const allCapabilities: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
]

/** Changes to the default set, as `--cap-add`, `--cap-drop` and `--privileged` give them. */
export interface CapabilityChanges {
  readonly add?: readonly string[]
  readonly drop?: readonly string[]
  readonly privileged?: boolean
  /** What the host itself may give: ALL and privileged are cut to it. Default: every known capability. */
  readonly available?: readonly string[]
}

/**
 * The capabilities of a container in Docker's order. Names are taken with or without CAP_, in any case; ALL is every one that is
 * available. A name that is both added and dropped is dropped, unless it is added by name beside a drop of ALL.
 * @throws RuntimeError SPEC_INVALID for a name that Linux does not know
 */
export function effectiveCapabilities(changes: CapabilityChanges = {}): readonly string[] {
  const available = changes.available ?? allCapabilities
  if (changes.privileged === true) return available
  const add = (changes.add ?? []).map(parse)
  const drop = (changes.drop ?? []).map(parse)
  const named = add.filter((name) => name !== 'ALL')
  if (drop.includes('ALL')) return named
  const base = add.includes('ALL') ? available : [...new Set([...defaultCapabilities, ...named])]
  return base.filter((name) => !drop.includes(name))
}

/** The bit mask of a set as /proc/<pid>/status prints it. */
export function capabilityMask(names: readonly string[]): string {
  let mask = 0n
  for (const name of names) mask |= 1n << BigInt(allCapabilities.indexOf(parse(name)))
  return mask.toString(16).padStart(16, '0')
}

/** The names in a mask of /proc/<pid>/status, in the kernel's order. */
export function capabilitiesOf(mask: string): readonly string[] {
  const bits = BigInt(`0x${mask}`)
  return allCapabilities.filter((_, index) => (bits & (1n << BigInt(index))) !== 0n)
}

function parse(text: string): string {
  const upper = text.toUpperCase()
  if (upper === 'ALL' || upper === 'CAP_ALL') return 'ALL'
  const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`
  if (allCapabilities.includes(name)) return name
  throw new RuntimeError('SPEC_INVALID', `"${text}" is not a Linux capability`, {
    subject: text,
    hint: 'names are those of capabilities(7), with or without CAP_',
  })
}
