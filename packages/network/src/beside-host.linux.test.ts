import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runStatus, which } from '@gantry/process'
import { containersIn, inside, outsideMachine, pings, type Containers, type Outside } from './fixtures/containers.ts'
import { networkWorldAt, type NetworkWorld } from './fixtures/network-world.ts'

const missing = ['ip', 'nft', 'busybox'].filter((name) => which(name) === undefined)
const skip = process.getuid?.() === 0 ? (missing.length > 0 ? `needs ${missing.join(', ')}` : false) : 'needs root'

describe('networks beside the host', { skip }, () => {
  let world: NetworkWorld
  let containers: Containers
  let outside: Outside
  let knows: Readonly<Record<string, boolean>> = {}

  before(async () => {
    world = await networkWorldAt(mkdtempSync(join(tmpdir(), 'gantry-beside-')))
    containers = containersIn(world)
    outside = await outsideMachine()
    const probe = async (type: string): Promise<boolean> => {
      const { code } = await runStatus('ip', [
        'link',
        'add',
        'link',
        outside.link,
        'name',
        `${outside.link}p`,
        'type',
        type,
      ])
      await runStatus('ip', ['link', 'del', `${outside.link}p`])
      return code === 0
    }
    knows = { macvlan: await probe('macvlan'), ipvlan: await probe('ipvlan') }
  })
  after(async () => {
    await outside[Symbol.asyncDispose]()
    await world.dispose()
    assert.deepEqual(await world.leftovers(), [])
  })

  for (const driver of ['macvlan', 'ipvlan'] as const) {
    test(`${driver}: containers are machines on the network of the parent`, async (context) => {
      if (knows[driver] !== true) {
        context.skip(`this kernel has no ${driver}`)
        return
      }
      const { four, six } = outside.machine
      await world.networks.create(driver, {
        driver,
        subnet: `${four}/24`,
        gateway: four,
        range: four.replace(/\d+$/, '128/26'),
        subnet6: `${six}/64`,
        gateway6: six,
        options: { parent: outside.link },
      })
      const one = await containers.connect({ network: driver })
      const two = await containers.connect({
        network: driver,
        ...(driver === 'macvlan' ? { mac: '02:42:0a:0b:0c:0d' } : {}),
      })
      assert.match(one.ip, /\.1(2[89]|[3-8]\d|9[01])$/)
      assert.equal(await pings(one.netns, four), true)
      assert.equal(await pings(one.netns, six), true)
      assert.equal(await pings(one.netns, two.ip), true)
      const { stdout } = await inside(two.netns, 'ip', '-d', 'address', 'show', 'eth0')
      assert.match(stdout, driver === 'macvlan' ? /02:42:0a:0b:0c:0d.*\n.*macvlan mode bridge/ : /ipvlan +mode l2/)
      assert.match((await inside(one.netns, 'ip', 'route')).stdout, new RegExp(`default via ${four}`))
      await assert.rejects(containers.connect({ network: driver, ports: [{ containerPort: 80, protocol: 'tcp' }] }), {
        code: 'PORT_INVALID',
      })
      // As a further network of a container, which it can leave.
      const both = await containers.connect()
      const { owner, netns, containerId: id, containerName: name } = both
      await world.networks.connect({ owner, netns, container: { id, name }, network: driver, gatewayPriority: 1 })
      assert.match((await inside(netns, 'ip', 'route')).stdout, new RegExp(`default via ${four} dev eth1`))
      await world.networks.disconnect({ owner, network: driver })
      assert.match((await inside(netns, 'ip', 'route')).stdout, new RegExp(`default via ${both.gateway} dev eth0`))
      assert.doesNotMatch((await inside(netns, 'ip', 'link')).stdout, /eth1/)
      await containers.leave(one.owner, two.owner, owner)
      await world.networks.remove(driver)
    })
  }

  test('a parent that is not there is said, and nothing is left', async () => {
    const options = { parent: 'no-such-link' }
    await world.networks.create('lost', { driver: 'macvlan', subnet: '10.240.9.0/24', options })
    await assert.rejects(containers.connect({ network: 'lost' }), { code: 'CHANGE_FAILED', message: /no-such-link/ })
    assert.deepEqual(world.networks.endpoints(), [])
  })
})
