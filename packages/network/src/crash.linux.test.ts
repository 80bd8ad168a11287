import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runStatus, which } from '@gantry/process'
import { networkWorldAt } from './fixtures/network-world.ts'

const missing = ['ip', 'nft'].filter((name) => which(name) === undefined)
const skip = process.getuid?.() === 0 ? (missing.length > 0 ? `needs ${missing.join(', ')}` : false) : 'needs root'
const scenario = fileURLToPath(new URL('./fixtures/crash-scenario.ts', import.meta.url))

describe('a process that dies while it joins a container to a network', { skip }, () => {
  test('leaves nothing of the container that recovery does not remove, at any step of the ledger', async () => {
    const base = mkdtempSync(join(tmpdir(), 'gantry-network-'))
    const world = await networkWorldAt(base)
    try {
      for (let step = 1, isWhole = false; !isWhole; step++) {
        const id = `${String(step).padStart(12, '0')}aaaa`
        const result = await runStatus(
          process.execPath,
          ['--disable-warning=ExperimentalWarning', scenario, base, id],
          { env: { ...process.env, GANTRY_FAULT_AT: String(step) }, timeout: 30_000 },
        )
        isWhole = result.stdout.includes('whole')
        assert.ok(isWhole || result.signal === 'SIGKILL', result.stderr)
        const report = await world.ledger.recover()
        assert.deepEqual(report.failed, [])
        if (world.ledger.owners(`container/${id}`).length > 0) await world.ledger.undo(`container/${id}`)
        await world.networks.recover()
        assert.deepEqual(world.networks.endpoints(), [], `endpoints after step ${String(step)}`)
        assert.deepEqual(world.ledger.owners(`container/${id}`), [])
        const left = await world.leftovers()
        assert.equal(
          left.some((name) => name.includes(id.slice(0, 12))),
          false,
          `${left.join(', ')} after step ${String(step)}`,
        )
        // Each second time from nothing, so that the shared parts are begun anew too.
        if (step % 2 === 0) for (const { owner } of world.ledger.owners()) await world.ledger.undo(owner)
        if (step % 2 === 0) assert.deepEqual(await world.leftovers(), [], `after step ${String(step)}`)
        assert.ok(step < 100)
      }
    } finally {
      await world.dispose()
    }
    assert.deepEqual(await world.leftovers(), [])
  })
})
