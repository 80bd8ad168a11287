import type { EndpointRecord } from '../container/record.ts'
import type { ContainerSpec } from '../container/spec.ts'

/** The content of /etc/hosts: this machine, what `--add-host` says, and the container itself under each of its addresses. */
export function hostsFile({
  spec,
  name,
  endpoints,
  base,
}: {
  spec: Pick<ContainerSpec, 'hostname' | 'domainname' | 'extraHosts'>
  name: string
  endpoints: readonly EndpointRecord[]
  base: string | undefined
}): string {
  const lines = (base ?? standard).trimEnd().split('\n')
  for (const extra of spec.extraHosts) {
    const separator = extra.includes('=') ? '=' : ':'
    const at = extra.indexOf(separator)
    const host = extra.slice(0, at)
    const address = extra.slice(at + 1).replace(/^\[(.*)\]$/, '$1')
    const gateway = endpoints[0]?.gateway ?? '127.0.0.1'
    lines.push(`${address === 'host-gateway' ? gateway : address}\t${host}`)
  }
  const names = spec.domainname === '' ? spec.hostname : `${spec.hostname}.${spec.domainname} ${spec.hostname}`
  for (const { address } of endpoints) lines.push(`${address}\t${names}${name === spec.hostname ? '' : ` ${name}`}`)
  return `${lines.join('\n')}\n`
}

const standard = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters`
