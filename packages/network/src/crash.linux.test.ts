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
const further = fileURLToPath(new URL('./fixtures/crash-further-scenario.ts', import.meta.url))
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

  test('in a further network leaves the container on those that it had', async () => {
    const base = mkdtempSync(join(tmpdir(), 'gantry-network-'))
    const world = await networkWorldAt(base, { without: 'aardvark-dns' })
    const { ledger, networks } = world
    try {
      await networks.create('further', { ipv6: true })
      const id = '000000000001bbbb'
      const owner = `container/${id}/run/1`
      const port = { containerPort: 80, protocol: 'tcp' as const }
      const first = await networks.connect({ owner, container: { id, name: id }, ports: [port] })
      ledger.settle(owner)
      const inside = async (...words: readonly string[]): Promise<string> =>
        (await runStatus('ip', ['-n', first.netns, ...words])).stdout
      const links = await inside('-o', 'link')
      for (let step = 1, isWhole = false; !isWhole; step++) {
        const result = await runStatus(
          process.execPath,
          ['--disable-warning=ExperimentalWarning', further, base, id, first.netns],
          { env: { ...process.env, GANTRY_FAULT_AT: String(step) }, timeout: 30_000 },
        )
        isWhole = result.stdout.includes('whole')
        assert.ok(isWhole || result.signal === 'SIGKILL', result.stderr)
        assert.deepEqual((await ledger.recover()).failed, [])
        // What the engine does when it takes the container over, which was never told to be on that network.
        await networks.disconnect({ owner, network: 'further' })
        await networks.settle(owner)
        await networks.recover()
        assert.deepEqual(
          networks.endpoints().map(({ network }) => network),
          ['bridge'],
          `after step ${String(step)}`,
        )
        assert.equal(await inside('-o', 'link'), links, `after step ${String(step)}`)
        assert.match(
          await inside('route'),
          new RegExp(`^default via ${first.gateway} dev eth0`),
          `after step ${String(step)}`,
        )
        const planned = ledger.history(owner).filter(({ state }) => state !== 'done' && state !== 'undone')
        assert.deepEqual(planned, [], `after step ${String(step)}`)
        assert.ok(step < 100)
      }
      await networks.disconnect({ owner })
      await ledger.undo(owner)
    } finally {
      await world.dispose()
    }
    assert.deepEqual(await world.leftovers(), [])
  })
})
