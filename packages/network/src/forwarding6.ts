import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { shellWords, type Change, type Door, type Json } from '@gantry/linux'
import { isContainerBridge } from './forwarding.ts'

const key = 'net.ipv6.conf.all.forwarding'
const conf = '/proc/sys/net/ipv6/conf'
const path = `${conf}/all/forwarding`
const fromHost = '1'
const fromRouterToo = '2'

/** That the kernel passes IPv6 packets on. */
export function forwarding6(): Change {
  return { kind: 'forwarding6', args: {}, why: 'the host passes IPv6 packets between containers and the world' }
}

/** Whether the kernel passes IPv6 packets on now. */
export function isForwarding6(): boolean {
  return read(path) === '1'
}

/** Whether this host has IPv6 at all. */
export function hasIpv6(): boolean {
  return existsSync(path)
}

/**
 * The door of {@link forwarding6}. A host that forwards is a router and would forget its own default route where a router has announced
 * it: links that listen to routers are told to go on listening. Undo puts all of that back, if no bridge of containers is left.
 */
export const forwarding6Door: Door = {
  kind: 'forwarding6',
  describe: () => ({
    sentence: `Set the kernel parameter ${key} to 1, and let links that listen to routers go on`,
    command: `${shellWords('sysctl', '-w', 'net.ipv6.conf.LINK.accept_ra=2')} && ${shellWords('sysctl', '-w', `${key}=1`)}`,
    undo: `${shellWords('sysctl', '-w', `${key}=0`)} (when no bridge of containers is left)`,
  }),
  observe: (): Json => ({ forwarding: isForwarding6(), listening: isForwarding6() ? [] : listeners(fromHost) }),
  apply: async () => {
    if (isForwarding6()) return undefined
    for (const link of listeners(fromHost)) writeFileSync(`${conf}/${link}/accept_ra`, fromRouterToo)
    writeFileSync(path, '1')
    return undefined
  },
  undo: async (_args, _identity, { prior }) => {
    if (typeof prior !== 'object' || prior === null || !('forwarding' in prior)) return
    if (prior.forwarding !== false || !isForwarding6()) return
    if (readdirSync('/sys/class/net').some(isContainerBridge)) return
    writeFileSync(path, '0')
    const listening = Array.isArray(prior.listening) ? prior.listening : []
    for (const link of listeners(fromRouterToo))
      if (listening.includes(link)) writeFileSync(`${conf}/${link}/accept_ra`, fromHost)
  },
}

function listeners(value: string): readonly string[] {
  return readdirSync('/sys/class/net').filter(
    (link) => link !== 'lo' && !isContainerBridge(link) && read(`${conf}/${link}/accept_ra`) === value,
  )
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1').trim()
  } catch {
    return undefined
  }
}
