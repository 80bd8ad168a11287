import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ledgerMigrations } from '@gantry/linux'
import { openState } from '@gantry/state'
import { networkMigrations } from './network-migrations.ts'
import { NetworkRows } from './network-rows.ts'

test('a container that was connected by an older Gantry is found in the table for both families', () => {
  const base = mkdtempSync(join(tmpdir(), 'gantry-migrate-'))
  const path = join(base, 'state.db')
  try {
    const older = { ...networkMigrations, steps: networkMigrations.steps.slice(0, 1) }
    const before = openState(path, [ledgerMigrations, older])
    before.prepare("insert into ledger_holder values (1, 1, '1', 'x')").run()
    const entry = before.prepare(
      "insert into ledger_entry (owner, holder, kind, why, args, state, started, consequence) values (?, 1, ?, '', ?, 'done', 0, 0)",
    )
    const args = { family: 'ip', table: 'gantry', map: 'ports', key: 'tcp . 80', value: '10.1.0.2 . 80' }
    entry.run('container/a/run/1', 'nft-element', JSON.stringify(args))
    entry.run('host/network', 'nft-table', JSON.stringify({ family: 'ip', table: 'gantry', rules: '' }))
    before
      .prepare(
        "insert into network_networks values ('bridge', 'aa', '10.1.0.0/16', '10.1.0.1', 'gantry0', 0, 1, 0, '{}', '{}', 0)",
      )
      .run()
    before
      .prepare(
        "insert into network_endpoints values ('e', 'bridge', 'container/a/run/1', 'a', 'web', '[\"web\"]', 167837698, '02:42:0a:01:00:02', 'gantry-a', 'eth0', 'gve', '[]', '[1]', 1, '1')",
      )
      .run()
    before[Symbol.dispose]()
    const after = openState(path, [ledgerMigrations, networkMigrations])
    const families = after
      .prepare("select kind, args ->> '$.family' as family from ledger_entry order by sequence")
      .all()
    // The table itself is undone as what it is.
    assert.deepEqual(
      families.map(({ kind, family }) => [kind, family]),
      [
        ['nft-element', 'inet'],
        ['nft-table', 'ip'],
      ],
    )
    const [endpoint] = new NetworkRows(after).endpoints()
    assert.deepEqual(
      [endpoint?.ip, endpoint?.bridge, endpoint?.ip6, endpoint?.gatewayPriority],
      ['10.1.0.2', 'gantry0', undefined, 0],
    )
    after[Symbol.dispose]()
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
})
