import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { which } from '@gantry/process'
import {
  ask,
  containersIn,
  inside,
  outsideMachine,
  pings,
  serve,
  type Containers,
  type Outside,
} from './fixtures/containers.ts'
import { networkWorldAt, type NetworkWorld } from './fixtures/network-world.ts'

const missing = ['ip', 'nft', 'busybox'].filter((name) => which(name) === undefined)
const lacking = missing.length > 0 ? `needs ${missing.join(', ')}` : false
const skip =
  process.getuid?.() !== 0 ? 'needs root' : existsSync('/proc/sys/net/ipv6') ? lacking : 'this kernel has no IPv6'

describe('networks with IPv6', { skip }, () => {
  let world: NetworkWorld
  let containers: Containers
  let outside: Outside

  before(async () => {
    world = await networkWorldAt(mkdtempSync(join(tmpdir(), 'gantry-six-')))
    containers = containersIn(world)
    outside = await outsideMachine()
    await world.networks.create('six', { ipv6: true })
    await world.networks.create('other', { subnet6: 'fd00:aaaa:1::/64' })
  })
  after(async () => {
    await outside[Symbol.asyncDispose]()
    await world.dispose()
    assert.deepEqual(await world.leftovers(), [])
  })

  test('gives out addresses of both families, and leads out with both', async () => {
    const one = await containers.connect({ network: 'six' })
    const two = await containers.connect({ network: 'six' })
    assert.match(one.ip6 ?? '', /^fd[0-9a-f:]+$/)
    assert.equal(await pings(one.netns, two.ip6 ?? ''), true)
    assert.match((await inside(one.netns, 'ip', '-6', 'route')).stdout, new RegExp(`^default via ${one.gateway6}`, 'm'))
    await assert.rejects(containers.connect({ network: 'six', ip6: two.ip6 ?? '' }), { code: 'ADDRESS_TAKEN' })
    await assert.rejects(containers.connect({ network: 'bridge', ip6: 'fd00::1' }), { code: 'ADDRESS_INVALID' })
    using _ = await serve(outside.netns, { port: 7, word: 'world' })
    assert.equal(await ask(outside.machine.six, 7, { netns: one.netns }), `world to ${outside.host.six}`)
    await containers.leave(one.owner, two.owner)
  })

  test('keeps networks apart, and lets nobody in but to published ports', async () => {
    const web = await containers.connect({ network: 'six', ports: [{ containerPort: 80, protocol: 'tcp' }] })
    const stranger = await containers.connect({ network: 'other' })
    using _ = await serve(web.netns, { port: 80, word: 'web' })
    assert.equal(await ask(web.ip6 ?? '', 80, { netns: stranger.netns }), 'nobody')
    assert.equal(await ask(web.ip6 ?? '', 80, { netns: outside.netns }), 'nobody')
    const port = web.ports.find(({ hostIp }) => hostIp === '::')?.hostPort ?? 0
    assert.equal(port, web.ports.find(({ hostIp }) => hostIp === '0.0.0.0')?.hostPort)
    assert.equal(await ask(outside.host.six, port, { netns: outside.netns }), `web to ${outside.machine.six}`)
    assert.equal(await ask(outside.host.four, port, { netns: outside.netns }), `web to ${outside.machine.four}`)
    assert.match(await ask(web.gateway6 ?? '', port), /^web to fd/)
    // Through the host's address: from another network, and from itself.
    assert.match(await ask(outside.host.six, port, { netns: stranger.netns }), /^web to /)
    assert.match(await ask(outside.host.six, port, { netns: web.netns }), /^web to /)
    await containers.leave(web.owner, stranger.owner)
  })

  test('a port on ::1 leads to the container through a process, which goes with the last such port', async () => {
    const web = await containers.connect({ ports: [{ hostIp: '::1', containerPort: 80, protocol: 'tcp' }] })
    using _ = await serve(web.netns, { port: 80, word: 'web' })
    const [port] = web.ports
    assert.deepEqual([port?.hostIp, port?.proxy], ['::1', true])
    assert.equal(await ask('::1', port?.hostPort ?? 0), `web to ${web.gateway}`)
    assert.equal(await ask(outside.host.six, port?.hostPort ?? 0, { netns: outside.netns }), 'nobody')
    await containers.leave(web.owner)
    assert.equal(world.ledger.owners('host/ports').length, 0)
  })

  test('an internal network has no way out with IPv6 either', async () => {
    await world.networks.create('inner', { ipv6: true, internal: true })
    const one = await containers.connect({ network: 'inner' })
    assert.doesNotMatch((await inside(one.netns, 'ip', '-6', 'route')).stdout, /default/)
    await inside(one.netns, 'ip', '-6', 'route', 'add', 'default', 'via', one.gateway6 ?? '')
    assert.equal(await pings(one.netns, outside.machine.six), false)
    await containers.leave(one.owner)
  })

  test("takes Docker's options for the size of packets, the bridge's name and the address of ports", async () => {
    const bridge = `gtry-${world.site.instance.slice(-6)}x`
    await world.networks.create('options', {
      options: {
        'com.docker.network.driver.mtu': '1400',
        'com.docker.network.bridge.name': bridge,
        'com.docker.network.bridge.host_binding_ipv4': '127.0.0.1',
      },
    })
    const one = await containers.connect({ network: 'options', ports: [{ containerPort: 80, protocol: 'tcp' }] })
    assert.deepEqual(
      one.ports.map(({ hostIp }) => hostIp),
      ['127.0.0.1'],
    )
    assert.equal(one.bridge, bridge)
    assert.equal(readFileSync(`/sys/class/net/${bridge}/mtu`, 'utf8').trim(), '1400')
    assert.match((await inside(one.netns, 'ip', 'link', 'show', 'eth0')).stdout, /mtu 1400/)
    await containers.leave(one.owner)
  })

  test('no container can pose as a router to the host', () => {
    const bridge = world.networks.inspect('six')?.bridge ?? ''
    assert.equal(readFileSync(`/proc/sys/net/ipv6/conf/${bridge}/accept_ra`, 'utf8').trim(), '0')
  })

  for (const [options, code] of [
    [{ subnet6: 'fd00:aaaa:1::/48' }, 'SUBNET_TAKEN'],
    [{ subnet6: '10.0.0.0/64' }, 'SUBNET_INVALID'],
    [{ subnet6: 'fd00:bbbb::/64', gateway6: 'fd00:cccc::1' }, 'ADDRESS_INVALID'],
    [{ subnet: '10.240.1.0/24', range: '10.240.2.0/25' }, 'SUBNET_INVALID'],
    [{ driver: 'macvlan', subnet: '10.240.1.0/24' }, 'OPTION_INVALID'],
    [{ options: { 'com.docker.network.driver.mtu': 'large' } }, 'OPTION_INVALID'],
    [{ options: { 'com.docker.network.bridge.enable_icc': 'false' } }, 'OPTION_INVALID'],
    [{ options: { 'com.docker.network.bridge.host_binding_ipv4': 'here' } }, 'OPTION_INVALID'],
  ] as const) {
    test(`refuses ${JSON.stringify(options)}`, async () => {
      await assert.rejects(world.networks.create('bad', options), { code })
    })
  }
})
