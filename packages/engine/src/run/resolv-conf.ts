import type { ContainerSpec } from '../container/spec.ts'

/** The content of /etc/resolv.conf: what the network says, with each kind of line replaced where the container says otherwise. */
export function resolvConf(base: string, { servers, search, options }: ContainerSpec['dns']): string {
  const replaced = new Set([
    ...(servers.length > 0 ? ['nameserver'] : []),
    ...(search.length > 0 ? ['search', 'domain'] : []),
    ...(options.length > 0 ? ['options'] : []),
  ])
  if (replaced.size === 0) return base
  const kept = base.split('\n').filter((line) => line !== '' && !replaced.has(line.split(/\s/)[0] ?? ''))
  const added = [
    ...(search.length > 0 && search[0] !== '.' ? [`search ${search.join(' ')}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
  ]
  return `${[...kept, ...added].join('\n')}\n`
}
