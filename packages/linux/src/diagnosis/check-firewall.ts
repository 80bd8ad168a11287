import { packageOf, runStatus } from '@gantry/process'
import { firstLine, isOlder, textAt } from './look.ts'
import type { Check, Checked, Verdict } from './verdict.ts'

/** Whether published ports can be made, and who else makes rules on this machine. */
export const checkFirewall: Check = async (checked) => {
  const verdicts = [await nftables(checked)]
  const { docker, firewalld, ufw } = checked.host.neighbours
  if (docker) verdicts.push(beside('Docker', await dropsForwarding(checked)))
  if (firewalld) verdicts.push(beside('firewalld', true))
  if (ufw) verdicts.push(beside('ufw', true))
  const forwarding = (await textAt('/proc/sys/net/ipv4/ip_forward')).trim()
  verdicts.push({
    topic: 'forwarding',
    verdict: 'ok',
    sentence:
      forwarding === '1'
        ? 'The kernel forwards IPv4 packets'
        : 'The kernel forwards no IPv4 packets yet; the first network switches it on',
  })
  return verdicts
}

async function nftables({ host }: Checked): Promise<Verdict> {
  const path = host.tools.nft
  if (path === undefined) {
    const hint = packageOf('nft')
    return {
      topic: 'firewall',
      verdict: 'failure',
      sentence: 'nft is missing: no port of a container can be published',
      ...(hint === undefined ? {} : { mend: hint.install }),
    }
  }
  const version = (await firstLine(path, ['--version'])) ?? 'nft'
  if (isOlder(version, [1, 0])) {
    return {
      topic: 'firewall',
      verdict: 'failure',
      sentence: `${version} is too old: the maps that lead published ports to containers need nftables 1.0`,
    }
  }
  if (host.uid !== 0) {
    return {
      topic: 'firewall',
      verdict: 'skipped',
      sentence: `${version}; only root can see whether the kernel takes rules`,
    }
  }
  const tables = await runStatus(path, ['list', 'tables'], { timeout: 5000 })
  if (tables.code !== 0) {
    return {
      topic: 'firewall',
      verdict: 'failure',
      sentence: `${version}, but the kernel refuses: ${tables.stderr.trim().split('\n')[0] ?? ''}`,
      mend: 'modprobe nf_tables',
    }
  }
  const count = tables.stdout.split('\n').filter(Boolean).length
  return { topic: 'firewall', verdict: 'ok', sentence: `${version}, ${String(count)} tables in the kernel` }
}

function beside(name: string, drops: boolean): Verdict {
  return {
    topic: 'firewall',
    verdict: 'ok',
    sentence: drops
      ? `${name} has rules of its own here: a network adds one rule that lets its bridge through, and removes it with itself`
      : `${name} is here and does not hinder forwarding`,
  }
}

async function dropsForwarding({ host }: Checked): Promise<boolean> {
  if (host.uid !== 0 || host.tools.iptables === undefined) return true
  const first = await firstLine(host.tools.iptables, ['-w', '-S', 'FORWARD'])
  return first?.endsWith('DROP') === true
}
