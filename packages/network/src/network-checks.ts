import { readFileSync } from 'node:fs'
import type { Host } from '@gantry/linux'
import type { NetworkCheck } from './networks.ts'

/** What a host lacks or has that concerns containers' networks. */
export function networkChecks(host: Host, hasNameServer: boolean): readonly NetworkCheck[] {
  return [...tools(host), names(hasNameServer), forwarding(), ...firewalls(host)]
}

function tools(host: Host): NetworkCheck[] {
  return (['ip', 'nft'] as const).map((name) => {
    const path = host.tools[name]
    const packageName = name === 'ip' ? 'iproute2' : 'nftables'
    return path === undefined
      ? {
          subject: 'tools',
          ok: false,
          sentence: `"${name}" is missing: containers get no network`,
          command: `apt-get install ${packageName}`,
        }
      : { subject: 'tools', ok: true, sentence: `"${name}" is ${path}` }
  })
}

function names(isThere: boolean): NetworkCheck {
  return isThere
    ? { subject: 'dns', ok: true, sentence: 'containers find each other by name (aardvark-dns)' }
    : {
        subject: 'dns',
        ok: false,
        sentence: 'aardvark-dns is missing: containers do not find each other by name',
        command: 'apt-get install aardvark-dns',
      }
}

function forwarding(): NetworkCheck {
  let value = ''
  try {
    value = readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim()
  } catch {
    // said below
  }
  return value === '1'
    ? { subject: 'forwarding', ok: true, sentence: 'the kernel forwards IPv4 packets' }
    : {
        subject: 'forwarding',
        ok: true,
        sentence: 'the kernel does not forward IPv4 packets yet; the first container switches it on',
      }
}

function firewalls(host: Host): NetworkCheck[] {
  const { docker, ufw, firewalld } = host.neighbours
  const found: NetworkCheck[] = []
  const canAdd = host.tools.iptables !== undefined
  for (const [name, isThere] of [
    ['Docker', docker],
    ['ufw', ufw],
  ] as const) {
    if (!isThere) continue
    found.push(
      canAdd
        ? {
            subject: 'firewall',
            ok: true,
            sentence: `${name} has rules here: each network adds two accepts to the chain it keeps for users`,
          }
        : {
            subject: 'firewall',
            ok: false,
            sentence: `${name} has rules here, and without "iptables" no accept can be added beside them: packets of containers may be dropped`,
            command: 'apt-get install iptables',
          },
    )
  }
  if (firewalld) {
    found.push({
      subject: 'firewall',
      ok: false,
      sentence: 'firewalld drops what it does not know: put the bridges of containers into its trusted zone',
      command: 'firewall-cmd --zone=trusted --add-interface=gantry0',
    })
  }
  return found
}
