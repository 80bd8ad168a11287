import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { which } from '@gantry/process'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const missing = realDaemonMissing() ?? (which('docker') === undefined ? 'needs the docker client' : undefined)
const noNames = which('aardvark-dns') === undefined ? 'aardvark-dns is not installed' : false
const noSix = existsSync('/proc/sys/net/ipv6') ? false : 'this kernel has no IPv6'

describe('networks of the stock docker client', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  before(async () => {
    daemon = await realDaemon()
  })
  after(() => daemon[Symbol.asyncDispose]())

  const docker = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await daemon.docker(...args)
    assert.equal(code, 0, `docker ${args.join(' ')}: ${stderr}`)
    return stdout.trimEnd()
  }
  const sleeper = (name: string, ...args: string[]): Promise<string> =>
    docker('run', '-d', '--init=false', '--name', name, ...args, 'localhost/busybox', 'sleep', '1000')
  const inside = async (name: string, command: string): Promise<string> => {
    const { stdout, stderr } = await daemon.docker('exec', name, 'sh', '-c', command)
    return `${stdout}${stderr}`.trimEnd()
  }
  const remove = (...names: string[]): Promise<string> => docker('rm', '-f', ...names)

  test(
    'a container is connected and disconnected while it runs, under an alias and an address',
    { skip: noNames },
    async () => {
      await docker('network', 'create', '--subnet', '10.223.7.0/24', 'front')
      await docker('network', 'create', 'back')
      await sleeper('web', '--network', 'back')
      await sleeper('client', '--network', 'front')
      assert.match(await inside('client', 'ping -c1 -W1 web'), /bad address/)
      await docker('network', 'connect', '--ip', '10.223.7.77', '--alias', 'shop', 'front', 'web')
      assert.match(await inside('web', 'ip -4 addr'), /eth1.*\n.*10\.223\.7\.77\/24/)
      assert.match(await inside('client', 'ping -c1 -W2 shop'), /10\.223\.7\.77.*\n.*from 10\.223\.7\.77/)
      assert.match(await inside('web', 'cat /etc/hosts'), /^10\.223\.7\.77\t/m)
      // Its name server is that of the network it had first.
      assert.match(await inside('web', 'ping -c1 -W2 client'), /from 10\.223\.7\.\d+/)
      assert.match(
        await docker('network', 'inspect', 'front', '--format', '{{range .Containers}}{{.Name}} {{end}}'),
        /web/,
      )
      const again = await daemon.docker('network', 'connect', 'front', 'web')
      assert.match(again.stderr, /endpoint with name web already exists in network front/)
      assert.equal((await daemon.docker('network', 'rm', 'front')).code, 1)
      await docker('network', 'disconnect', 'front', 'web')
      assert.doesNotMatch(await inside('web', 'ip addr; cat /etc/hosts'), /10\.223\.7\.77/)
      assert.match(await inside('client', 'ping -c1 -W1 shop'), /bad address/)
      assert.match((await daemon.docker('network', 'disconnect', 'front', 'web')).stderr, /is not connected to network/)
      await remove('web', 'client')
      await docker('network', 'rm', 'front', 'back')
    },
  )

  test(
    'one that leaves its last network comes back on another, with its way out, names and ports',
    { skip: noNames },
    async () => {
      await docker('network', 'create', 'later')
      await docker(
        'run',
        '-d',
        '--name',
        'web',
        '-p',
        '127.0.0.1::80',
        'localhost/busybox',
        'sh',
        '-c',
        'echo still here > /index.html; exec httpd -f -h /',
      )
      const port = (await docker('port', 'web', '80')).split(':').at(-1) ?? ''
      const get = async (): Promise<string> => {
        try {
          return await (await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2000) })).text()
        } catch {
          return 'nobody'
        }
      }
      assert.equal(await get(), 'still here\n')
      await docker('network', 'connect', 'later', 'web')
      await docker('network', 'disconnect', 'bridge', 'web')
      assert.equal(await get(), 'still here\n')
      const gateway = await docker('network', 'inspect', 'later', '--format', '{{(index .IPAM.Config 0).Gateway}}')
      assert.match(await inside('web', 'ip route'), new RegExp(`default via ${gateway}`))
      assert.match(await inside('web', 'cat /etc/resolv.conf'), new RegExp(`nameserver ${gateway}`))
      await docker('network', 'disconnect', 'later', 'web')
      assert.equal(await get(), 'nobody')
      assert.equal(await inside('web', 'ip route'), '')
      // The daemon does not have to remember it.
      await daemon.stop('SIGKILL')
      await daemon.start()
      await docker('network', 'connect', 'bridge', 'web')
      assert.equal(await get(), 'still here\n')
      assert.match(await docker('port', 'web', '80'), new RegExp(`:${port}$`))
      await docker('restart', '-t', '0', 'web')
      assert.equal(
        await docker('inspect', 'web', '--format', '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}'),
        'bridge',
      )
      await remove('web')
      await docker('network', 'rm', 'later')
    },
  )

  test('a stopped container is connected for its next start; several networks, the one that leads out is chosen', async () => {
    await docker('network', 'create', '--internal', 'inner')
    await docker('network', 'create', 'outer')
    await docker('create', '--name', 'cc', '--network', 'inner', 'localhost/busybox', 'sleep', '1000')
    await docker('network', 'connect', 'outer', 'cc')
    await docker('start', 'cc')
    const gateway = await docker('network', 'inspect', 'outer', '--format', '{{(index .IPAM.Config 0).Gateway}}')
    assert.match(await inside('cc', 'ip route'), new RegExp(`^default via ${gateway} dev eth1`, 'm'))
    await docker('stop', '-t', '0', 'cc')
    await docker('network', 'disconnect', 'inner', 'cc')
    await docker('start', 'cc')
    assert.doesNotMatch(await inside('cc', 'ip link'), /eth1/)
    await sleeper(
      'both',
      '--network',
      'name=inner,alias=x',
      '--network',
      'name=outer,gw-priority=1,mac-address=02:42:01:02:03:04',
    )
    assert.match(await inside('both', 'ip link show eth1'), /02:42:01:02:03:04/)
    await remove('cc', 'both')
    assert.match(await docker('network', 'prune', '-f'), /Deleted Networks:\n(inner\nouter|outer\ninner)/)
  })

  test('host, none and those of another container stay as they are', async () => {
    for (const mode of ['none', 'host']) {
      await sleeper(mode, '--network', mode)
      assert.equal((await daemon.docker('network', 'connect', 'bridge', mode)).code, 1)
      await remove(mode)
    }
    await sleeper('a1')
    await sleeper('b1', '--network', 'container:a1')
    assert.equal(await inside('a1', 'ip addr show eth0'), await inside('b1', 'ip addr show eth0'))
    assert.match((await daemon.docker('network', 'connect', 'bridge', 'b1')).stderr, /sharing network namespace/)
    await remove('b1', 'a1')
  })

  test('IPv6: addresses, names and published ports', { skip: noSix || noNames }, async () => {
    await docker('network', 'create', '--ipv6', 'six')
    const subnet = await docker(
      'network',
      'inspect',
      'six',
      '--format',
      '{{.EnableIPv6}} {{(index .IPAM.Config 1).Subnet}}',
    )
    assert.match(subnet, /^true fd[0-9a-f:]+\/64$/)
    await docker(
      'run',
      '-d',
      '--name',
      'web',
      '--network',
      'six',
      '-p',
      '80',
      'localhost/busybox',
      'sh',
      '-c',
      'echo six > /index.html; exec httpd -f -h /',
    )
    await sleeper('client', '--network', 'six')
    const address = await docker(
      'inspect',
      'web',
      '--format',
      '{{(index .NetworkSettings.Networks "six").GlobalIPv6Address}}',
    )
    assert.match(await inside('client', 'ping -6 -c1 -W2 web'), new RegExp(`from ${address}`))
    assert.match(await inside('client', 'ip -6 route'), /^default via fd/m)
    const ports = (await docker('port', 'web', '80')).split('\n')
    assert.match(ports.join(' '), /^0\.0\.0\.0:(\d+) \[::\]:\1$/)
    await remove('web', 'client')
    await docker('network', 'create', '--ipv6', '--subnet', 'fd00:77:1::/64', '--subnet', '10.223.9.0/24', 'given')
    await sleeper('fixed', '--network', 'given', '--ip6', 'fd00:77:1::abcd', '--ip', '10.223.9.9')
    assert.match(await inside('fixed', 'ip addr show eth0'), /fd00:77:1::abcd\/64/)
    assert.equal(
      (await daemon.docker('run', '--rm', '--network', 'given', '--ip6', 'fd00:78::1', 'localhost/busybox', 'true'))
        .code,
      125,
    )
    await remove('fixed')
    await docker('network', 'rm', 'six', 'given')
  })

  test('events tell of connections, and nothing is left', async () => {
    const events = await docker(
      'events',
      '--since',
      '10m',
      '--until',
      '0s',
      '--filter',
      'type=network',
      '--format',
      '{{.Action}} {{.Actor.Attributes.name}}',
    )
    assert.match(events, /^connect front$/m)
    assert.match(events, /^disconnect front$/m)
    assert.deepEqual(await daemon.inventory(), [])
  })
})
