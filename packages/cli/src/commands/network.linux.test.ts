import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { which } from '@gantry/process'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'
import { gantry } from '../testing/scripted-daemon.ts'

const skip = realDaemonMissing() ?? false
const image = 'localhost/busybox'
const withNames = which('aardvark-dns') === undefined ? 'aardvark-dns is not installed' : skip

describe('networks and ports on the command line', { skip }, () => {
  let daemon: RealDaemon
  const ok = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await gantry([...args], { env: { GANTRY_ROOT: daemon.site.root } })
    assert.equal(code, 0, `gantry ${args.join(' ')}: ${stderr}`)
    return stdout.trimEnd()
  }
  const refused = async (...args: readonly string[]): Promise<string> => {
    const { code, stderr } = await gantry([...args], { env: { GANTRY_ROOT: daemon.site.root } })
    assert.notEqual(code, 0, `gantry ${args.join(' ')}`)
    return stderr
  }

  before(async () => {
    daemon = await realDaemon()
  })
  after(async () => {
    await ok('rm', '-f', 'web', 'other')
    assert.deepEqual(await daemon.inventory(), [], 'something is left on the host')
    await daemon[Symbol.asyncDispose]()
  })

  test('a container has several networks, and is connected and disconnected', { skip: withNames }, async () => {
    await ok(
      'network',
      'create',
      '--subnet',
      '10.224.3.0/24',
      '--subnet',
      'fd00:224:3::/64',
      '--ip-range',
      '10.224.3.64/26',
      'front',
    )
    await ok('network', 'create', '--internal', 'back')
    await ok(
      'run',
      '-d',
      '--name',
      'web',
      '--network',
      'name=front,alias=shop,ip=10.224.3.9,ip6=fd00:224:3::9',
      '--network',
      'back',
      image,
      'sleep',
      '1000',
    )
    await ok('run', '-d', '--name', 'other', '--network', 'back', image, 'sleep', '1000')
    assert.match(await ok('exec', 'web', 'ip', 'addr'), /10\.224\.3\.9\/24[^]*fd00:224:3::9\/64[^]*eth1/)
    assert.match(await ok('exec', 'other', 'ping', '-c1', '-W2', 'web'), /1 packets received/)
    await ok('network', 'connect', '--alias', 'friend', 'front', 'other')
    assert.match(
      await ok('exec', 'other', 'ip', '-4', 'addr', 'show', 'eth1'),
      /10\.224\.3\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\/24/,
    )
    assert.match(await ok('exec', 'web', 'ping', '-c1', '-W2', 'friend'), /1 packets received/)
    assert.match(await ok('exec', 'other', 'ping', '-6', '-c1', '-W2', 'shop'), /fd00:224:3::9/)
    await ok('rename', 'other', 'another')
    assert.match(await ok('exec', 'web', 'ping', '-c1', '-W2', 'another'), /1 packets received/)
    await ok('rename', 'another', 'other')
    assert.match(await refused('network', 'connect', 'front', 'web'), /already exists in network front/)
    assert.match(
      await refused('network', 'connect', '--ip', '10.9.9.9', 'bridge', 'web'),
      /is not an address of network "bridge"/,
    )
    await ok('network', 'disconnect', 'front', 'web')
    assert.match(await refused('network', 'disconnect', 'front', 'web'), /is not connected to network front/)
    assert.match(await ok('network', 'inspect', 'front', '--format', '{{len .Containers}} {{.EnableIPv6}}'), /^1 true$/)
    await ok('rm', '-f', 'web', 'other')
    assert.equal(await ok('network', 'prune', '--force', '--filter', 'until=1h'), '')
    assert.match(await ok('network', 'prune', '--force'), /^Deleted Networks:\n/)
  })

  test('explain --ports shows what leads to ports of all kinds, and who made the rules', async () => {
    await ok('run', '-d', '--name', 'web', '-p', '127.0.0.1::80-81', '-p', '127.0.0.1::82/sctp', image, 'sleep', '1000')
    await ok('run', '-d', '--name', 'other', '-p', '127.0.0.1::80', '--publish-mode', 'proxy', image, 'httpd', '-f')
    const ports = (await ok('port', 'web')).split('\n')
    for (const port of ['80/tcp', '81/tcp', '82/sctp'])
      assert.ok(
        ports.some((line) => line.startsWith(`${port} -> `)),
        port,
      )
    const all = await ok('explain', '--ports')
    for (const [line] of ports.join(' ').matchAll(/127\.0\.0\.1:\d+/g))
      assert.match(all, new RegExp(`${line}/(tcp|sctp) → web, `))
    assert.match(all, /map ports_at: 127\.0\.0\.1 \. sctp \. \d+ : 10\.\d+\.\d+\.\d+ \. 82$/m)
    assert.match(all, /→ other, .*\n +by a process that listens and passes on$/m)
    assert.match(all, /^Rules of gantry:$/m)
    assert.doesNotMatch(all, /which is not there/)
    const one = await ok('explain', '--ports', 'other')
    assert.doesNotMatch(one, /→ web/)
    const { rules } = JSON.parse(await ok('explain', '--ports', '--json')) as { rules: { maker: string }[] }
    assert.ok(rules.some(({ maker }) => maker === 'gantry'))
    assert.match(await ok('explain', 'web'), /leads to tcp port 80 of the container/)
    const proxied = /127\.0\.0\.1:\d+/.exec(await ok('port', 'other', '80'))?.[0] ?? ''
    assert.equal((await fetch(`http://${proxied}/`, { signal: AbortSignal.timeout(5000) })).status, 404)
    assert.match(
      await refused('run', '--rm', '--network', 'none', '--publish-mode', 'sideways', image, 'true'),
      /must be one of nat, proxy/,
    )
  })
})
