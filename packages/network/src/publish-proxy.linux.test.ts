import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { runStatus, which } from '@gantry/process'
import { ask, containersIn, outsideMachine, serve, type Containers, type Outside } from './fixtures/containers.ts'
import { networkWorldAt, type NetworkWorld } from './fixtures/network-world.ts'

const missing = ['ip', 'nft'].filter((name) => which(name) === undefined)
const skip = process.getuid?.() === 0 ? (missing.length > 0 ? `needs ${missing.join(', ')}` : false) : 'needs root'
const table = 'gtest_host_firewall'

describe('ports that are published by proxy', { skip }, () => {
  const base = mkdtempSync(join(tmpdir(), 'gantry-proxy-'))
  let world: NetworkWorld
  let containers: Containers
  let outside: Outside

  before(async () => {
    world = await networkWorldAt(base)
    containers = containersIn(world)
    outside = await outsideMachine()
  })
  after(async () => {
    await runStatus('nft', ['delete', 'table', 'inet', table])
    await outside[Symbol.asyncDispose]()
    await world.dispose()
    assert.deepEqual(await world.leftovers(), [])
  })

  const forwarder = (): number => {
    const made = world.ledger.history('host/ports').findLast(({ kind }) => kind === 'process')
    return (made?.identity as { pid: number } | undefined)?.pid ?? 0
  }

  test('are reached over both families, with TCP and UDP, and obey the rules of the host for itself', async () => {
    const ports = [
      { containerPort: 80, protocol: 'tcp' as const },
      { containerPort: 80, protocol: 'udp' as const },
    ]
    const led = await containers.connect({ ports: ports.slice(0, 1) })
    const web = await containers.connect({ ports, publishMode: 'proxy' })
    assert.deepEqual(web.portFds, [])
    using servers = new DisposableStack()
    servers.use(await serve(web.netns, { port: 80, word: 'web' }))
    servers.use(await serve(web.netns, { port: 80, word: 'web', protocol: 'udp' }))
    servers.use(await serve(led.netns, { port: 80, word: 'led' }))
    const portOf = (protocol: string): number => web.ports.find((each) => each.protocol === protocol)?.hostPort ?? 0
    const [tcp, udp] = [portOf('tcp'), portOf('udp')]
    for (const host of ['127.0.0.1', '::1']) assert.equal(await ask(host, tcp), `web to ${web.gateway}`)
    assert.equal(await ask('127.0.0.1', udp, { protocol: 'udp' }), `web to ${web.gateway}`)
    for (const host of [outside.host.four, outside.host.six]) {
      assert.match(await ask(host, tcp, { netns: outside.netns }), /^web/)
      assert.match(await ask(host, udp, { netns: outside.netns, protocol: 'udp' }), /^web/)
    }
    const rules = `table inet ${table} { chain input { type filter hook input priority 0; policy accept; iifname "${outside.link}" tcp dport 1024-65535 drop; } }`
    const file = join(base, 'rules.nft')
    writeFileSync(file, rules.replaceAll('; }', '\n}\n').replaceAll('{ ', '{\n'))
    assert.equal((await runStatus('nft', ['-f', file])).code, 0)
    const ledPort = led.ports[0]?.hostPort ?? 0
    assert.equal(await ask(outside.host.four, tcp, { netns: outside.netns }), 'nobody')
    assert.match(await ask(outside.host.four, ledPort, { netns: outside.netns }), /^led/)
    assert.match(await ask('127.0.0.1', tcp), /^web/)
    await runStatus('nft', ['delete', 'table', 'inet', table])
    await containers.leave(web.owner, led.owner)
    assert.equal(await ask('127.0.0.1', tcp), 'nobody')
  })

  test('a port that is taken is refused by name, and nothing is left', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port: hostPort } = server.address() as { port: number }
    const ports = [{ hostPort, containerPort: 80, protocol: 'tcp' as const }]
    await assert.rejects(containers.connect({ ports, publishMode: 'proxy' }), { code: 'PORT_TAKEN' })
    server.close()
    assert.deepEqual(world.networks.endpoints(), [])
    const sctp = [{ containerPort: 80, protocol: 'sctp' as const }]
    await assert.rejects(containers.connect({ ports: sctp, publishMode: 'proxy' }), { code: 'PORT_INVALID' })
  })

  test('go on when the daemon ends, and when their process dies', async () => {
    const web = await containers.connect({ ports: [{ containerPort: 80, protocol: 'tcp' }], publishMode: 'proxy' })
    using _ = await serve(web.netns, { port: 80, word: 'web' })
    const port = web.ports[0]?.hostPort ?? 0
    // Another process of the instance, as the next daemon is one.
    const next = await networkWorldAt(base)
    await next.networks.recover()
    assert.match(await ask('127.0.0.1', port), /^web/)
    next.state[Symbol.dispose]()
    const before = forwarder()
    process.kill(before, 'SIGKILL')
    for (let round = 0; round < 200 && (forwarder() === before || (await ask('127.0.0.1', port)) === 'nobody'); round++)
      await sleep(10)
    assert.match(await ask('127.0.0.1', port), /^web/)
    const memory = /^Pss: +(\d+)/m.exec(readFileSync(`/proc/${String(forwarder())}/smaps_rollup`, 'utf8'))?.[1]
    assert.ok(Number(memory) < 80_000, `${String(memory)} kB`)
    await containers.leave(web.owner)
  })
})
