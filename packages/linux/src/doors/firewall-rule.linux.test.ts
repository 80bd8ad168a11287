import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run, runStatus, which } from '@gantry/process'
import { firewallRuleDoor, type FirewallRuleArgs } from './firewall-rule.ts'

const skip = process.getuid?.() !== 0 ? 'needs root' : which('iptables') === undefined ? 'needs iptables' : false
const context = { prior: undefined, signal: undefined, act: undefined }

test('a rule goes before those of another program, and away without touching them', { skip }, async () => {
  const chain = 'GANTRY-TEST-USER'
  const args: FirewallRuleArgs = { tool: 'iptables', chain, rule: ['-i', 'gtest0', '-j', 'ACCEPT'] }
  const rules = async (): Promise<string[]> =>
    (await run('iptables', ['-w', '-S', chain])).stdout.split('\n').filter((line) => line.startsWith('-A'))
  await run('iptables', ['-w', '-N', chain])
  try {
    await run('iptables', ['-w', '-A', chain, '-j', 'RETURN'])
    const identity = await firewallRuleDoor.apply(args, context)
    assert.deepEqual(await rules(), [`-A ${chain} -i gtest0 -j ACCEPT`, `-A ${chain} -j RETURN`])
    // Made twice, it is somebody else's the second time, and stays for its first maker.
    const again = await firewallRuleDoor.apply(args, context)
    await firewallRuleDoor.undo(args, again, context)
    assert.equal((await rules()).length, 2)
    await firewallRuleDoor.undo(args, identity, context)
    await firewallRuleDoor.undo(args, identity, context)
    assert.deepEqual(await rules(), [`-A ${chain} -j RETURN`])
  } finally {
    await runStatus('iptables', ['-w', '-F', chain])
    await runStatus('iptables', ['-w', '-X', chain])
  }
})
