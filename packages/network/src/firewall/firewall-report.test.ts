import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointRecord, Network } from '../networks.ts'
import { reportOf, type FirewallReport } from './firewall-report.ts'
import { parseRuleset, parseSavedRules } from './parse-ruleset.ts'

const ruleset = `table ip filter {
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
		counter packets 0 bytes 0 jump DOCKER-USER
		iifname "docker0" counter packets 0 bytes 0 accept
	}

	chain DOCKER-USER {
		iifname "gantry0" counter packets 0 bytes 0 accept
		counter packets 0 bytes 0 return
	}

	chain ufw-before-forward {
		ct state related,established counter packets 0 bytes 0 accept
	}
}
table inet gantry {
	set bridges {
		type ifname
		elements = { "gantry0" }
	}

	map ports {
		type inet_proto . inet_service : ipv4_addr . inet_service
		elements = { tcp . 8080 : 10.210.0.2 . 80,
			     udp . 53 : 10.210.0.3 . 53 }
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		iifname != @bridges oifname != @bridges accept
		oifname @bridges drop
	}
}
table inet mine {
	chain fwd {
		type filter hook forward priority filter; policy drop;
	}
}
table inet firewalld {
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
		ct state { established, related } accept
		reject with icmpx admin-prohibited
	}
}
`

const network = { name: 'bridge', driver: 'bridge', bridge: 'gantry0', internal: false } as Network
const endpoint = {
  containerName: 'web',
  network: 'bridge',
  ip: '10.210.0.2',
  bridge: 'gantry0',
  ports: [
    { hostIp: '0.0.0.0', hostPort: 8080, containerPort: 80, protocol: 'tcp' },
    { hostIp: '0.0.0.0', hostPort: 8081, containerPort: 80, protocol: 'tcp' },
    { hostIp: '::1', hostPort: 8080, containerPort: 80, protocol: 'tcp', proxy: true },
  ],
} as unknown as EndpointRecord

function report(text: string): FirewallReport {
  const parts = { table: 'gantry', networks: [network], endpoints: [endpoint], forwarding: true }
  return reportOf(parts, { rules: parseRuleset(text), ruleset: text })
}

test('every rule has its place and its maker', () => {
  const { rules } = report(ruleset)
  assert.deepEqual(
    rules.map(({ maker, chain, hook, policy, text }) => [
      maker,
      chain,
      hook ?? '',
      policy ?? '',
      text.split(' counter')[0],
    ]),
    [
      ['docker', 'FORWARD', 'forward', 'drop', 'counter packets 0 bytes 0 jump DOCKER-USER'],
      ['docker', 'FORWARD', 'forward', 'drop', 'iifname "docker0"'],
      ['gantry', 'DOCKER-USER', '', '', 'iifname "gantry0"'],
      ['docker', 'DOCKER-USER', '', '', 'counter packets 0 bytes 0 return'],
      ['ufw', 'ufw-before-forward', '', '', 'ct state related,established'],
      ['gantry', 'forward', 'forward', 'accept', 'iifname != @bridges oifname != @bridges accept'],
      ['gantry', 'forward', 'forward', 'accept', 'oifname @bridges drop'],
      ['unknown', 'fwd', 'forward', 'drop', ''],
      ['firewalld', 'filter_FORWARD', 'forward', 'accept', 'ct state { established, related } accept'],
      ['firewalld', 'filter_FORWARD', 'forward', 'accept', 'reject with icmpx admin-prohibited'],
    ],
  )
})

test('a published port shows the element that leads to its container, and whether it is there', () => {
  assert.deepEqual(
    report(ruleset).ports.map(({ hostIp, hostPort, by, present }) => [hostIp, hostPort, by, present]),
    [
      ['0.0.0.0', 8080, 'inet gantry, map ports: tcp . 8080 : 10.210.0.2 . 80', true],
      ['0.0.0.0', 8081, 'inet gantry, map ports: tcp . 8081 : 10.210.0.2 . 80', false],
      ['::1', 8080, 'a process that listens and passes on', true],
    ],
  )
})

test('chains that drop what they do not know are in the way, unless a rule of ours is there', () => {
  const commands = report(ruleset).obstacles.map(({ command }) => command.split(' && ')[0])
  assert.deepEqual(commands, [
    'nft insert rule inet mine fwd iifname gantry0 accept',
    'firewall-cmd --zone=trusted --add-interface=gantry0',
  ])
  const without = report(ruleset.replace('iifname "gantry0" counter', 'iifname "eth7" counter'))
  assert.ok(without.obstacles.some(({ command }) => command.startsWith('iptables -I FORWARD -i gantry0 -j ACCEPT')))
})

test('rules of iptables-legacy are read as they are saved', () => {
  const saved = '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n-A FORWARD -i lo -j ACCEPT\nCOMMIT\n'
  assert.deepEqual(
    parseSavedRules(saved, 'ip').map(({ chain, policy, text }) => [chain, policy, text]),
    [
      ['FORWARD', 'drop', ''],
      ['FORWARD', 'drop', '-i lo -j ACCEPT'],
    ],
  )
})
