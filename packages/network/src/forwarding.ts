import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { shellWords, type Change, type Door } from '@gantry/linux'

const key = 'net.ipv4.ip_forward'
const path = '/proc/sys/net/ipv4/ip_forward'

/** That the kernel passes IPv4 packets on, which all networks of a machine share. */
export function forwarding(): Change {
  return { kind: 'forwarding', args: {}, why: 'the host passes packets between containers and the world' }
}

/** Whether the kernel passes IPv4 packets on now. */
export function isForwarding(): boolean {
  return readFileSync(path, 'latin1').startsWith('1')
}

/** Whether a link is a bridge of containers: of this Gantry, another one, or Docker. Each of them needs forwarding. */
export function isContainerBridge(link: string): boolean {
  return /^(gantry\d|gtry|docker\d|br-[0-9a-f]{12}$)/.test(link)
}

/**
 * The door of {@link forwarding}. Undo switches it off only if it was off before, and if no bridge of containers is left on
 * the machine: whoever made that one found it on, and relies on it.
 */
export const forwardingDoor: Door = {
  kind: 'forwarding',
  describe: () => ({
    sentence: `Set the kernel parameter ${key} to 1`,
    command: shellWords('sysctl', '-w', `${key}=1`),
    undo: `${shellWords('sysctl', '-w', `${key}=0`)} (when no bridge of containers is left)`,
  }),
  observe: () => isForwarding(),
  apply: async () => {
    // Not written when it is so already: it may be read-only and right all the same.
    if (!isForwarding()) writeFileSync(path, '1')
    return undefined
  },
  undo: async (_args, _identity, { prior }) => {
    if (prior !== false || !isForwarding()) return
    if (!readdirSync('/sys/class/net').some(isContainerBridge)) writeFileSync(path, '0')
  },
}
