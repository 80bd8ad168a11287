/** Mount flags by the names that mount(8) uses. */
export type MountFlag = keyof typeof mountFlags

/** Their bits, from linux/mount.h. */
export const mountFlags = {
  ro: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  sync: 0x10,
  remount: 0x20,
  noatime: 0x400,
  nodiratime: 0x800,
  bind: 0x1000,
  move: 0x2000,
  rbind: 0x5000,
  unbindable: 0x20000,
  runbindable: 0x24000,
  private: 0x40000,
  rprivate: 0x44000,
  slave: 0x80000,
  rslave: 0x84000,
  shared: 0x100000,
  rshared: 0x104000,
  relatime: 0x200000,
  strictatime: 0x1000000,
} as const

const propagation = 0x20000 | 0x40000 | 0x80000 | 0x100000
const recursive = 0x4000

/**
 * The steps that the kernel wants for a set of flags: the mount itself; for a bind, a remount with the other flags, which the
 * first call ignores; and a change of propagation.
 */
export function mountSteps(flags: readonly MountFlag[]): readonly number[] {
  let own = 0
  let spread = 0
  for (const flag of flags) {
    const bits = mountFlags[flag]
    if ((bits & propagation) === 0) own |= bits
    else spread |= bits
  }
  const steps: number[] = []
  if ((own & mountFlags.bind) === 0 || (own & mountFlags.remount) !== 0) {
    if (own !== 0 || spread === 0) steps.push(own)
  } else {
    steps.push(own & (mountFlags.bind | recursive))
    const rest = own & ~(mountFlags.bind | recursive)
    if (rest !== 0) steps.push(rest | mountFlags.bind | mountFlags.remount)
  }
  if (spread !== 0) steps.push(spread)
  return steps
}
