import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { realDaemon, realDaemonMissing } from '@gantry/testing/daemon'
import { daemonRegistryOf } from './daemon-registry.ts'

const skip = realDaemonMissing() ?? false

function addressIn(log: string): string | undefined {
  return /serves the registry on (\S+)/.exec(log)?.[1]
}

describe('a daemon that serves a registry', { skip }, () => {
  test('serves the images of its root when it is asked to, and ends with it', async () => {
    await using daemon = await realDaemon({ start: false })
    assert.ok(await daemon.start({ GANTRY_REGISTRY_ADDR: '127.0.0.1:0' }), daemon.log())
    const address = addressIn(daemon.log())
    assert.ok(address !== undefined, daemon.log())
    assert.equal((await fetch(`${address}/v2/`)).status, 200)
    assert.equal((await fetch(`${address}/readyz`)).status, 200)
    await daemon.stop()
    await assert.rejects(fetch(`${address}/v2/`))
  })

  test('finds its configuration in the root, and says what is wrong with it', async () => {
    await using daemon = await realDaemon({ start: false })
    const file = join(daemon.site.root, 'registry.json')
    writeFileSync(file, JSON.stringify({ adress: '127.0.0.1:0' }))
    assert.equal(await daemon.start(), false)
    assert.match(daemon.log(), /adress is not known; allowed here: address,/)
    writeFileSync(file, JSON.stringify({ address: '127.0.0.1:0', readOnly: true }))
    assert.ok(await daemon.start(), daemon.log())
    const address = addressIn(daemon.log())
    const post = await fetch(`${address}/v2/app/blobs/uploads/`, { method: 'POST' })
    assert.equal(post.status, 405)
  })

  test('serves none when nobody asks for one', async () => {
    await using daemon = await realDaemon()
    assert.equal(addressIn(daemon.log()), undefined)
    assert.equal(daemonRegistryOf({}, daemon.site), undefined)
    assert.deepEqual(daemonRegistryOf({ GANTRY_REGISTRY_ADDR: ':5000' }, daemon.site), { address: ':5000' })
  })
})
