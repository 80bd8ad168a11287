import { isIPv6 } from 'node:net'

/**
 * The network that stands for a client's address: whoever has one address of the sixth version has 64 bits of them. Those of
 * the fourth version stand for themselves.
 */
export function networkOf(peer: string = ''): string {
  if (!isIPv6(peer)) return peer
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(peer)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = peer.split('%')[0]?.split('::') ?? []
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0')
  const groups = [...before, ...(tail === undefined ? [] : zeros), ...after]
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::`
}
