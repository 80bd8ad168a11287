import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runStatus, which } from '@gantry/process'
import { userChain } from './neighbour-rules.ts'

const missing = ['ip', 'nft', 'busybox', 'iptables'].filter((name) => which(name) === undefined)
const skip = process.getuid?.() === 0 ? (missing.length > 0 ? `needs ${missing.join(', ')}` : false) : 'needs root'
const scenario = fileURLToPath(new URL('./fixtures/neighbours-scenario.ts', import.meta.url))

for (const [name, rules, chain] of [
  ['nothing', ['-P FORWARD ACCEPT'], undefined],
  ["Docker's rules", ['-P FORWARD DROP', '-N DOCKER-USER'], 'DOCKER-USER'],
  ["ufw's rules", ['-P FORWARD DROP', '-N ufw-before-forward'], 'ufw-before-forward'],
  ['a policy', ['-P FORWARD DROP'], 'FORWARD'],
  [
    'a last rule',
    ['-P FORWARD ACCEPT', '-A FORWARD -i lo -j ACCEPT', '-A FORWARD -j REJECT --reject-with x'],
    'FORWARD',
  ],
] as const) {
  test(`beside ${name} accepts stand in ${chain ?? 'no chain'}`, () => {
    assert.equal(userChain(rules, 'iptables')?.[0], chain)
  })
}

describe('a machine whose firewall forwards nothing', { skip }, () => {
  const netns = `gtest-${randomBytes(3).toString('hex')}`
  before(async () => {
    await runStatus('ip', ['netns', 'add', netns])
  })
  after(async () => {
    await runStatus('ip', ['netns', 'del', netns])
  })

  const run = async (...before: readonly string[]): Promise<Record<string, unknown>> => {
    const words = [process.execPath, '--disable-warning=ExperimentalWarning', scenario, before.join('\n')]
    const { stdout, stderr } = await runStatus('ip', ['netns', 'exec', netns, ...words], { timeout: 60_000 })
    assert.match(stdout, /^\{/, stderr)
    return JSON.parse(stdout) as Record<string, unknown>
  }

  for (const [name, rules] of [
    ['by a policy of FORWARD', ['iptables -P FORWARD DROP', 'ip6tables -P FORWARD DROP']],
    ['as Docker does', ['iptables -P FORWARD DROP', 'iptables -N DOCKER-USER', 'iptables -A FORWARD -j DOCKER-USER']],
  ] as const) {
    test(`${name}: packets pass, and afterwards the rules are as they were`, async () => {
      const result = await run(...rules)
      assert.deepEqual(result['out'], true)
      assert.deepEqual(result['published'], 'web')
      assert.deepEqual(result['obstacles'], [])
      assert.equal(result['rulesAfter'], result['rulesBefore'])
    })
  }

  test('by a chain of nftables of somebody else: it is told with the command that mends it', async () => {
    const result = await run(
      'iptables -P FORWARD ACCEPT',
      'iptables -F',
      'iptables -X',
      'nft add table inet mine',
      'nft add chain inet mine guard { type filter hook forward priority 0 ; policy drop ; }',
    )
    assert.deepEqual([result['out'], result['mended']], [false, true])
    assert.match(String(result['obstacles']), /nft insert rule inet mine guard iifname/)
    assert.match(String(result['doctor']), /nft insert rule inet mine guard iifname/)
  })
})
