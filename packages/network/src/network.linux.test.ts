import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ledger, Site } from '@gantry/linux'
import { runStatus, start, which } from '@gantry/process'
import type { State } from '@gantry/state'
import { isContainerBridge } from './forwarding.ts'
import { networkWorldAt, type NetworkWorld } from './fixtures/network-world.ts'
import type { ConnectRequest, Endpoint, Networks } from './networks.ts'

const missing = ['ip', 'nft', 'busybox'].filter((name) => which(name) === undefined)
const skip = process.getuid?.() === 0 ? (missing.length > 0 ? `needs ${missing.join(', ')}` : false) : 'needs root'

describe('networks', { skip }, () => {
  const base = mkdtempSync(join(tmpdir(), 'gantry-network-'))
  let world: NetworkWorld
  let site: Site
  let state: State
  let ledger: Ledger
  let networks: Networks
  let number = 0
  const forwarding = readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8')

  before(async () => {
    world = await networkWorldAt(base)
    ;({ site, state, ledger, networks } = world)
  })

  afterEach(async () => {
    for (const { owner } of networks.endpoints()) await leave(owner)
  })

  after(async () => {
    await world.dispose()
    assert.deepEqual(await world.leftovers(), [])
    // It stays on while another Gantry, or Docker, has bridges here.
    if (!readdirSync('/sys/class/net').some(isContainerBridge))
      assert.equal(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8'), forwarding)
  })

  async function connect(request: Partial<ConnectRequest> & { name?: string } = {}): Promise<Endpoint> {
    const id = `${String(number++).padStart(12, '0')}ffff`
    const name = request.name ?? `c${String(number)}`
    return networks.connect({
      owner: `container/${id}/run/1`,
      container: { id, name, hostname: id.slice(0, 12) },
      ...request,
    })
  }

  async function leave(owner: string): Promise<void> {
    await networks.disconnect({ owner })
    await ledger.undo(owner)
  }

  const inside = (endpoint: Pick<Endpoint, 'netns'>, ...command: string[]): ReturnType<typeof runStatus> =>
    runStatus('ip', ['netns', 'exec', endpoint.netns, ...command], { timeout: 10_000 })

  /** Serves one word on a TCP port inside, to everybody who comes, until it is closed. */
  function serve(endpoint: Pick<Endpoint, 'netns'>, port: number, word: string): Disposable {
    const directory = mkdtempSync(join(base, 'www-'))
    writeFileSync(join(directory, 'index.html'), word)
    const child = start('ip', [
      'netns',
      'exec',
      endpoint.netns,
      'busybox',
      'httpd',
      '-f',
      '-p',
      String(port),
      '-h',
      directory,
    ])
    return { [Symbol.dispose]: () => void child.kill('SIGKILL') }
  }

  async function fetchFromHost(host: string, port: number): Promise<string> {
    for (let round = 0; ; round++) {
      try {
        const response = await fetch(`http://${host}:${String(port)}/`, { signal: AbortSignal.timeout(3000) })
        return await response.text()
      } catch (error) {
        if (round === 20) return String(error)
      }
      await sleep(20)
    }
  }

  /** What a client in the namespace gets; `refused` when it gets nothing. */
  async function fetchInside(endpoint: Endpoint, host: string, port: number): Promise<string> {
    const program = `
      const end = (text) => { console.log(text); process.exit() }
      setTimeout(end, 1500, 'refused')
      require('node:http').get({ host: '${host}', port: ${String(port)}, agent: false }, (response) => response.once('data', (data) => end(String(data))))
        .once('error', () => end('refused'))`
    const { stdout } = await inside(endpoint, process.execPath, '-e', program)
    return stdout.trim()
  }

  const ping = async (from: Endpoint, ip: string): Promise<boolean> =>
    (await inside(from, 'busybox', 'ping', '-c', '1', '-W', '1', ip)).code === 0

  test('the default network is there, with a subnet that no route has', () => {
    const [first] = networks.list()
    assert.equal(first?.name, 'bridge')
    assert.match(first?.subnet ?? '', /^10\.21\d\.0\.0\/16$/)
    assert.equal(first?.bridge, `gtry-${site.instance.slice(-6)}`)
  })

  test('containers of one network reach each other by address', async () => {
    const one = await connect()
    const two = await connect()
    assert.notEqual(one.ip, two.ip)
    assert.equal(await ping(one, two.ip), true)
    assert.equal(await ping(two, one.ip), true)
    const { stdout } = await inside(one, 'ip', 'address')
    assert.match(stdout, new RegExp(`inet ${one.ip}/16`))
    assert.match(stdout, new RegExp(one.mac))
    assert.match(stdout, /lo: <LOOPBACK,UP/)
    assert.match((await inside(one, 'ip', 'route')).stdout, new RegExp(`default via ${one.gateway} dev eth0`))
  })

  test('a published port is reached from 127.0.0.1, from another namespace and from itself', async () => {
    const server = await connect({ ports: [{ containerPort: 80, protocol: 'tcp' }] })
    const client = await connect()
    using _ = serve(server, 80, 'published')
    const [port] = server.ports
    assert.ok(port !== undefined && port.hostPort > 1023)
    assert.equal(await fetchFromHost('127.0.0.1', port.hostPort), 'published')
    assert.equal(await fetchFromHost(server.gateway, port.hostPort), 'published')
    assert.equal(await fetchInside(client, client.gateway, port.hostPort), 'published')
    assert.equal(await fetchInside(server, server.gateway, port.hostPort), 'published')
    assert.equal(await fetchFromHost(server.ip, 80), 'published')
  })

  test('takes the first free port of a range', async () => {
    const server = createServer().listen(0, '0.0.0.0')
    await once(server, 'listening')
    const { port: hostPort } = server.address() as { port: number }
    try {
      const ports = [{ containerPort: 80, protocol: 'tcp' as const, hostPort, lastHostPort: hostPort + 20 }]
      const taken = (await connect({ ports })).ports[0]?.hostPort ?? 0
      assert.ok(taken > hostPort && taken <= hostPort + 20)
    } finally {
      server.close()
    }
  })

  test('a port published on 127.0.0.1 is not reached from a container', async () => {
    const server = await connect({ ports: [{ hostIp: '127.0.0.1', containerPort: 80, protocol: 'tcp' }] })
    using _ = serve(server, 80, 'local')
    const port = server.ports[0]?.hostPort ?? 0
    assert.equal(await fetchFromHost('127.0.0.1', port), 'local')
    const other = await connect()
    assert.equal(await fetchInside(other, other.gateway, port), 'refused')
  })

  test('a container does not reach the loopback of the host', async () => {
    const server = createHttpServer((_request, response) => response.end('the host'))
      .listen(0)
      .unref()
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const one = await connect()
    // A route that a container with NET_ADMIN could make itself.
    await inside(one, 'ip', 'route', 'del', 'local', '127.0.0.0/8', 'dev', 'lo', 'table', 'local')
    await inside(one, 'ip', 'route', 'add', '127.0.0.0/8', 'via', one.gateway)
    await inside(one, 'sysctl', '-w', 'net.ipv4.conf.all.route_localnet=1')
    assert.equal(await fetchInside(one, one.gateway, port), 'the host')
    assert.equal(await fetchInside(one, '127.0.0.99', port), 'refused')
    server.close()
  })

  test('a taken port is refused by name, and nothing is left', async () => {
    const server = createServer().listen(0, '0.0.0.0').unref()
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const wanted = { ports: [{ hostPort: port, containerPort: 80, protocol: 'tcp' as const }] }
    await assert.rejects(connect(wanted), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'PORT_TAKEN')
      assert.match(error.message, new RegExp(`process ${String(process.pid)}`))
      return true
    })
    server.close()
    assert.deepEqual(networks.endpoints(), [])
    const holder = await connect({ ...wanted, name: 'holder' })
    await assert.rejects(connect(wanted), { code: 'PORT_TAKEN', message: /container "holder"/ })
    assert.equal(holder.ports[0]?.hostPort, port)
    assert.ok((holder.portFds[0] ?? 0) > 2)
  })

  test('the port is free again after the container', async () => {
    const one = await connect({ ports: [{ containerPort: 80, protocol: 'udp' }] })
    const hostPort = one.ports[0]?.hostPort ?? 0
    await leave(one.owner)
    const two = await connect({ ports: [{ hostPort, containerPort: 80, protocol: 'udp' }] })
    assert.equal(two.ports[0]?.hostPort, hostPort)
  })

  test('networks of a user are separate, and internal ones have no way out', async () => {
    await networks.create('blue')
    await networks.create('inner', { internal: true })
    const plain = await connect()
    const blue = await connect({ network: 'blue' })
    const first = await connect({ network: 'inner' })
    const second = await connect({ network: 'inner' })
    assert.equal(await ping(plain, blue.ip), false)
    assert.equal(await ping(blue, plain.ip), false)
    assert.equal(await ping(first, second.ip), true)
    assert.equal((await inside(first, 'ip', 'route')).stdout.includes('default'), false)
    await assert.rejects(networks.remove('blue'), { code: 'NETWORK_IN_USE' })
    for (const { owner } of [plain, blue, first, second]) await leave(owner)
    for (const name of ['blue', 'inner']) {
      const bridge = networks.inspect(name)?.bridge ?? ''
      assert.equal(existsSync(`/sys/class/net/${bridge}`), true)
      await networks.remove(name)
      assert.equal(existsSync(`/sys/class/net/${bridge}`), false)
      assert.equal(networks.inspect(name), undefined)
    }
  })

  test('a container joins a second network and leaves it', async () => {
    await networks.create('extra')
    const other = await connect({ network: 'extra' })
    const one = await connect()
    const more = await networks.connect({
      owner: one.owner,
      container: { id: one.containerId, name: one.containerName },
      network: 'extra',
      netns: one.netns,
    })
    assert.equal(more.link, 'eth1')
    assert.equal(await ping(one, other.ip), true)
    await networks.disconnect({ owner: one.owner, network: 'extra' })
    assert.equal(await ping(one, other.ip), false)
    assert.equal((await inside(one, 'ip', 'link')).stdout.includes('eth1'), false)
    await leave(one.owner)
    await leave(other.owner)
    await networks.remove('extra')
  })

  const noDns = which('aardvark-dns') === undefined ? 'aardvark-dns is not installed' : false

  test('names lead to containers, on the default network too', { skip: noDns }, async () => {
    const web = await connect({ name: 'Web' })
    const client = await connect()
    assert.match(client.resolvConf, new RegExp(`^nameserver ${client.gateway}$`, 'm'))
    const lookUp = async (name: string): Promise<string> => {
      for (let round = 0; round < 20; round++) {
        const { stdout } = await inside(client, 'busybox', 'nslookup', name, client.gateway)
        const found = /Name:[^\n]*\nAddress:\s*(\S+)/.exec(stdout)?.[1]
        if (found !== undefined) return found
        await sleep(25)
      }
      return 'unknown'
    }
    assert.equal(await lookUp('web'), web.ip)
    assert.equal(await lookUp(web.containerId.slice(0, 12)), web.ip)
    await leave(web.owner)
    await sleep(50)
    const { stdout } = await inside(client, 'busybox', 'timeout', '0.5', 'busybox', 'nslookup', 'web', client.gateway)
    assert.doesNotMatch(stdout, new RegExp(`Address:\\s*${web.ip}$`, 'm'))
  })

  test('without a name server containers reach each other by address, and it is said what they lack', async () => {
    const bare = await networkWorldAt(mkdtempSync(join(tmpdir(), 'gantry-network-')), { without: 'aardvark-dns' })
    try {
      const joined = ['bare1', 'bare2'].map((id) => ({
        owner: `container/${id}/run/1`,
        container: { id, name: id, hostname: id },
      }))
      const [one, other] = [await bare.networks.connect(joined[0]!), await bare.networks.connect(joined[1]!)]
      assert.equal(await ping(one, other.ip), true)
      assert.doesNotMatch(one.resolvConf, new RegExp(`^nameserver ${one.gateway}$`, 'm'))
      const lacking = bare.networks.checks().filter(({ subject }) => subject === 'dns')
      assert.deepEqual(
        lacking.map(({ ok, command }) => [ok, command]),
        [[false, 'apt-get install aardvark-dns']],
      )
      for (const { owner } of joined) await bare.networks.disconnect({ owner })
    } finally {
      await bare.dispose()
    }
    assert.deepEqual(await bare.leftovers(), [])
  })

  test('addresses are given out in turn, and a wanted one is kept', async () => {
    const network = await networks.create('small', { subnet: '10.239.250.0/29' })
    assert.equal(network.gateway, '10.239.250.1')
    const wanted = await connect({ network: 'small', ip: '10.239.250.4' })
    assert.equal(wanted.ip, '10.239.250.4')
    await assert.rejects(connect({ network: 'small', ip: '10.239.250.4' }), { code: 'ADDRESS_TAKEN' })
    await assert.rejects(connect({ network: 'small', ip: '10.0.0.1' }), { code: 'ADDRESS_INVALID' })
    const others = [wanted]
    for (let index = 0; index < 4; index++) others.push(await connect({ network: 'small' }))
    assert.deepEqual(
      others.map(({ ip }) => ip).toSorted(),
      ['2', '3', '4', '5', '6'].map((end) => `10.239.250.${end}`),
    )
    await assert.rejects(connect({ network: 'small' }), { code: 'SUBNET_EXHAUSTED' })
    for (const { owner } of others) await leave(owner)
    await networks.remove('small')
  })

  for (const [name, options, code] of [
    ['host', {}, 'NAME_INVALID'],
    ['bridge', {}, 'NAME_INVALID'],
    ['../x', {}, 'NAME_INVALID'],
    ['ok', { subnet: '10.1.2.3' }, 'SUBNET_INVALID'],
    ['ok', { subnet: '127.0.0.0/8', gateway: '1.2.3.4' }, 'ADDRESS_INVALID'],
  ] as const) {
    test(`refuses the network ${name} ${JSON.stringify(options)}`, async () => {
      await assert.rejects(networks.create(name, options), { code })
    })
  }

  test('refuses a subnet that overlaps another, and an unknown network', async () => {
    const [first] = networks.list()
    await assert.rejects(networks.create('twin', { subnet: first?.subnet ?? '' }), { code: 'SUBNET_TAKEN' })
    await assert.rejects(connect({ network: 'nowhere' }), { code: 'NETWORK_UNKNOWN' })
    await assert.rejects(networks.remove('bridge'), { code: 'NETWORK_PREDEFINED' })
  })

  test('a table that somebody has flushed is made again', async () => {
    const before = await connect({ ports: [{ containerPort: 80, protocol: 'tcp' }] })
    using _ = serve(before, 80, 'still there')
    await runStatus('nft', ['delete', 'table', 'inet', site.instance.replaceAll('-', '_')])
    await connect({ ports: [{ containerPort: 81, protocol: 'tcp' }] })
    assert.equal(await fetchFromHost('127.0.0.1', before.ports[0]?.hostPort ?? 0), 'still there')
  })

  test('a bridge that is gone is made again', async () => {
    const bridge = networks.list()[0]?.bridge ?? ''
    await runStatus('ip', ['link', 'del', bridge])
    const one = await connect()
    const two = await connect()
    assert.equal(await ping(one, two.ip), true)
  })

  test('recover forgets endpoints that nobody holds', async () => {
    const one = await connect()
    state.prepare('update network_endpoints set holder_start = ?, holder_pid = 999999').run('1')
    await networks.recover()
    assert.equal(networks.endpoints().length, 1)
    await ledger.undo(one.owner)
    await networks.recover()
    assert.deepEqual(networks.endpoints(), [])
  })

  test('everything is in the ledger in words', async () => {
    const one = await connect({ ports: [{ containerPort: 80, protocol: 'tcp' }] })
    const kinds = ledger.history(one.owner).map(({ kind }) => kind)
    assert.deepEqual(kinds, ['netns', 'veth', 'address', 'link-up', 'route', 'nft-element'])
    const made = performance.now()
    await leave(one.owner)
    assert.ok(performance.now() - made < 2000)
  })
})
