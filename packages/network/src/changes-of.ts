import type { LedgerEntry } from '@gantry/linux'
import type { EndpointRow } from './network-rows.ts'

/**
 * The changes that an endpoint is made of, by their sequences: those noted with it, and those that a process which died while it made the
 * endpoint could not note any more.
 */
export function changesOf(row: EndpointRow, history: readonly LedgerEntry[]): readonly number[] {
  const targets = [row.ip, row.ip6].flatMap((ip) => (ip === undefined ? [] : [`${ip} . `]))
  const isIts = ({ kind, args }: LedgerEntry): boolean => {
    const text = (name: string): string => (typeof args[name] === 'string' ? args[name] : '')
    if (kind === 'nft-element') return targets.some((target) => text('value').startsWith(target))
    if (text('netns') !== row.netns) return false
    if (kind === 'veth') return text('name') === row.hostLink
    if (kind === 'sublink') return text('name') === row.link
    if (kind === 'address' || kind === 'link-up') return text('link') === row.link
    return kind === 'route' && [row.gateway, row.gateway6].includes(text('via'))
  }
  const found = history.filter((entry) => entry.state === 'planned' || entry.state === 'done').filter(isIts)
  return [...new Set([...row.sequences, ...found.map(({ sequence }) => sequence)])]
}
