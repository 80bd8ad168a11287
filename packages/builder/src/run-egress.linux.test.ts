import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { busyboxMissing, toolsMissing } from '@gantry/testing'
import { World } from './test/world.ts'

const skip =
  process.getuid?.() === 0
    ? (busyboxMissing() ?? toolsMissing('nft', 'nsenter') ?? false)
    : 'needs root, to run containers'

describe('RUN whose network is watched over', { skip, concurrency: false }, () => {
  let world: World
  let server: Server
  let port: number
  before(async () => {
    world = await World.open()
    await world.busybox()
    server = createServer((request, response) => response.end(`hello ${request.headers.host ?? ''}\n`))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })
  after(async () => {
    server.close()
    server.closeAllConnections()
    await world[Symbol.asyncDispose]()
  })

  // The step's own /etc/hosts knows localhost, so it is asked for at the name server.
  const addressOf = (name: string): string => `$(nslookup ${name} 198.18.0.1 | awk '/^Address/{a=$NF} END{print a}')`
  // The applet wget of a static busybox looks up names in a way that crashes; nc does not.
  const ask = (address: string, at = port, url = '/'): string =>
    `{ printf 'GET ${url} HTTP/1.0\\r\\n\\r\\n'; sleep 0.3; } | nc -w 5 ${address} ${at}`
  const fetching = (name: string): string => `${ask(addressOf(name))} | tail -n 1 | cut -d" " -f1 >/out; test -s /out`
  const dockerfile = (command: string): { Dockerfile: string } => ({
    Dockerfile: `FROM localhost/busybox\nRUN ${command}\n`,
  })
  const reached = (): unknown[] => world.events.flatMap((event) => (event.kind === 'network' ? event.use : []))

  test('reaches hosts through the builder, which tells which; the next build that uses the step tells it too', async () => {
    const allowed = [{ host: 'localhost', port, allowed: true }]
    for (const cached of [false, true]) {
      const result = await world.build(dockerfile(fetching('localhost')), { egress: {} })
      assert.deepEqual(result.network, allowed)
      assert.deepEqual(reached(), allowed)
      assert.deepEqual(
        world.steps().map(([, was]) => was),
        [cached],
      )
      const [made] = await world.layer(result.layers.at(-1)!)
      assert.equal(made?.content, 'hello\n')
    }
    world.assertClean()
  })

  test('is refused other hosts, by name and by address, and the error says which and how to allow them', async () => {
    const egress = { allow: ['example.org', 'localhost:1'] }
    await assert.rejects(world.build(dockerfile('nslookup other.example 198.18.0.1'), { egress }), {
      code: 'RUN_FAILED',
      hint: 'it was refused other.example; allow with --allow-hosts other.example',
    })
    assert.deepEqual(reached(), [{ host: 'other.example', allowed: false }])
    await assert.rejects(world.build(dockerfile(`${ask('192.0.2.1', 8080)} | grep hello`), { egress }), {
      code: 'RUN_FAILED',
    })
    assert.deepEqual(reached(), [{ host: '192.0.2.1', port: 8080, allowed: false }])
    await assert.rejects(world.build(dockerfile(fetching('localhost')), { egress }), { code: 'RUN_FAILED' })
    assert.deepEqual(reached(), [{ host: 'localhost', port, allowed: false }])
    world.assertClean()
  })

  test('has no other way out: no link, no route but to the builder, no packets but TCP and questions for names', async () => {
    await world.build(
      dockerfile('ls /sys/class/net >/out; ! ping -c1 -W2 192.0.2.1; ip addr | grep -c inet.1 >>/out || true'),
      { egress: { allow: [] } },
    )
    assert.deepEqual(reached(), [])
    const { layers } = await world.build(dockerfile('ls /sys/class/net >/links'), { egress: { allow: [] } })
    assert.equal((await world.layer(layers.at(-1)!))[0]?.content, 'lo\n')
    world.assertClean()
  })

  test('refuses datagrams at once and says so, whatever is allowed; IPv6 has no way at all', async () => {
    const refused = [{ host: '192.0.2.1', port: 123, protocol: 'udp', allowed: false }]
    const command = 'tftp -g -r x -l /dev/null 192.0.2.1 123 2>&1; nc -w 100 2001:db8::1 80 2>&1'
    const files = dockerfile(`${command}; true`)
    for (const cached of [false, true]) {
      const { network } = await world.build(files, { egress: { allow: ['0.0.0.0/0'] } })
      assert.deepEqual([network, reached()], [refused, refused])
      assert.equal(world.steps()[0]?.[1], cached)
      if (!cached) assert.match(world.output(), /not permitted.*unreachable/s)
    }
    await assert.rejects(world.build(dockerfile(`${command}; false`), { egress: {} }), {
      code: 'RUN_FAILED',
      hint: 'it was refused 192.0.2.1:123/udp; only TCP and names are carried where the network is watched over',
    })
    world.assertClean()
  })

  test('what a step reached travels with an image that carries its steps', async () => {
    const egress = { allow: ['localhost'] }
    const allowed = [{ host: 'localhost', port, allowed: true }]
    const { descriptor } = await world.build(dockerfile(`${fetching('localhost')} # inline`), {
      egress,
      inlineCache: true,
    })
    world.state.prepare('DELETE FROM builder_steps').run()
    const cacheFrom = [{ label: 'the image', open: async () => ({ descriptor, blobs: world.store }) }]
    const again = await world.build(dockerfile(`${fetching('localhost')} # inline`), { egress, cacheFrom })
    assert.deepEqual([world.steps()[0]?.[1], again.network], [true, allowed])
    world.state.prepare('DELETE FROM builder_steps').run()
    await assert.rejects(
      world.build(dockerfile(`${fetching('localhost')} # inline`), { egress: { allow: [] }, cacheFrom }),
      { code: 'RUN_FAILED' },
    )
  })

  test('a step that met other rules is done again; without rules, the steps of a watched build are not used', async () => {
    const command = `${fetching('localhost')} || true`
    const cached = async (egress?: { allow?: string[] }): Promise<boolean | undefined> => {
      await world.build(dockerfile(command), egress === undefined ? {} : { egress })
      return world.steps()[0]?.[1]
    }
    assert.equal(await cached({ allow: [] }), false)
    assert.equal(await cached({ allow: ['example.org'] }), true)
    assert.equal(await cached({ allow: ['localhost'] }), false)
    assert.equal(await cached({}), true)
    assert.equal(await cached({ allow: ['example.org'] }), false)
    assert.equal(await cached(), false)
  })

  test('what is asked of a proxy is judged by the host that is meant', async () => {
    const options = { environment: { http_proxy: `http://localhost:${port}` }, egress: { allow: ['allowed.example'] } }
    const through = (url: string): { Dockerfile: string } =>
      dockerfile(`${ask(addressOf('localhost'), port, url)} | grep hello >/out`)
    const { layers, network } = await world.build(through('http://allowed.example/'), options)
    assert.equal((await world.layer(layers.at(-1)!))[0]?.content, 'hello allowed.example\n')
    assert.deepEqual(network, [{ host: 'allowed.example', port: 80, allowed: true }])
    await assert.rejects(world.build(through('http://refused.example:81/'), options), { code: 'RUN_FAILED' })
    assert.deepEqual(reached(), [{ host: 'refused.example', port: 81, allowed: false }])
    const tunnel = dockerfile(
      `printf 'CONNECT refused.example:443 HTTP/1.1\\r\\n\\r\\n' | nc -w 5 ${addressOf('localhost')} ${port} | grep 403`,
    )
    await world.build(tunnel, options)
    assert.deepEqual(reached(), [{ host: 'refused.example', port: 443, allowed: false }])
  })

  test('RUN that would reach past the builder is refused before anything is done', async () => {
    const run = (flag: string): { Dockerfile: string } => ({ Dockerfile: `FROM localhost/busybox\nRUN ${flag} true\n` })
    await assert.rejects(world.build(run('--network=host'), { egress: {} }), { line: 2 })
    await assert.rejects(world.build(run('--security=insecure'), { egress: {}, allow: ['security.insecure'] }), {
      line: 2,
    })
    await assert.rejects(world.build(run(''), { egress: {}, network: 'host' }), { code: 'OPTIONS_INVALID' })
    assert.deepEqual((await world.build(run('--network=none'), { egress: {} })).network, [])
  })
})
