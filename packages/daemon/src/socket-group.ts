import { chmodSync, chownSync, readFileSync } from 'node:fs'

/** The group whose members may use the daemon without being root, where the machine has it. They can do what root can. */
export const socketGroup = 'gantry'

/** Gives a socket its mode: for root and the group `gantry` where there is one, else for its owner alone. */
export function protectSocket(path: string): void {
  const gid = process.getuid?.() === 0 ? groupId(socketGroup) : undefined
  if (gid === undefined) {
    chmodSync(path, 0o600)
    return
  }
  chownSync(path, 0, gid)
  chmodSync(path, 0o660)
}

function groupId(name: string): number | undefined {
  let groups: string
  try {
    groups = readFileSync('/etc/group', 'utf8')
  } catch {
    return undefined
  }
  const line = groups.split('\n').find((each) => each.startsWith(`${name}:`))
  const gid = Number(line?.split(':')[2])
  return line === undefined || !Number.isInteger(gid) ? undefined : gid
}
