import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runStatus, which } from '@gantry/process'
import { ask, containersIn, pings, serve, type Containers } from './fixtures/containers.ts'
import { networkWorldAt, type NetworkWorld } from './fixtures/network-world.ts'
import type { Endpoint } from './networks.ts'

const missing = ['ip', 'nft', 'busybox'].filter((name) => which(name) === undefined)
const skip = process.getuid?.() === 0 ? (missing.length > 0 ? `needs ${missing.join(', ')}` : false) : 'needs root'

function bridgesCallIptables(): boolean {
  const path = '/proc/sys/net/bridge/bridge-nf-call-iptables'
  return existsSync(path) && readFileSync(path, 'utf8').startsWith('1')
}

describe('a network with more containers than a bridge has ports', { skip }, () => {
  let world: NetworkWorld
  let containers: Containers

  before(async () => {
    world = await networkWorldAt(mkdtempSync(join(tmpdir(), 'gantry-bridges-')), { bridgePorts: 2 })
    containers = containersIn(world)
    await world.networks.create('wide')
  })
  after(async () => {
    await world.dispose()
    assert.deepEqual(await world.leftovers(), [])
  })

  test('gets further bridges, and is one network all the same', async () => {
    const made: Endpoint[] = []
    for (let index = 0; index < 5; index++)
      made.push(await containers.connect({ network: 'wide', ports: [{ containerPort: 80, protocol: 'tcp' }] }))
    const [first, , third, , fifth] = made
    assert.ok(first !== undefined && third !== undefined && fifth !== undefined)
    assert.equal(new Set(made.map(({ bridge }) => bridge)).size, 3)
    assert.equal(await pings(first.netns, fifth.ip), true)
    assert.equal(await pings(fifth.netns, third.ip), true)
    using _ = await serve(fifth.netns, { port: 80, word: 'fifth' })
    const port = fifth.ports[0]?.hostPort ?? 0
    assert.match(await ask('127.0.0.1', port), /^fifth to /)
    assert.match(await ask(fifth.gateway, port, { netns: first.netns }), /^fifth to /)
    // Where bridges call iptables, the kernel would send it back over the link that it came from, which a bridge does not do.
    if (!bridgesCallIptables()) assert.match(await ask(fifth.gateway, port, { netns: fifth.netns }), /^fifth to /)
    // A place that became free is taken before another bridge is made; one that somebody deleted is made again.
    await containers.leave(first.owner)
    const next = await containers.connect({ network: 'wide' })
    assert.equal(next.bridge, first.bridge)
    await containers.leave(fifth.owner)
    await runStatus('ip', ['link', 'del', fifth.bridge])
    const again = await containers.connect({ network: 'wide' })
    assert.equal(again.bridge, fifth.bridge)
    assert.equal(await pings(again.netns, next.ip), true)
    const bridges = [...made, next].map(({ bridge }) => bridge)
    await containers.leave(...made.slice(1, 4).map(({ owner }) => owner), next.owner, again.owner)
    await world.networks.remove('wide')
    for (const bridge of bridges) assert.equal(existsSync(`/sys/class/net/${bridge}`), false)
  })
})
