import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MemoryStore } from '@gantry/image'
import { which } from '@gantry/process'
import { createRegistry, memoryStorage, registryMigrations, serveRegistry } from '@gantry/registry'
import { openState } from '@gantry/state'
import { testCodec } from '@gantry/testing'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const missing = realDaemonMissing() ?? (which('docker') === undefined ? 'needs the docker client' : undefined)

describe('the stock docker client', { skip: missing ?? false }, () => {
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

  test('runs a command and passes its output and exit code', async () => {
    assert.equal(await docker('run', '--rm', 'localhost/busybox', 'echo', 'hi'), 'hi')
    const both = await daemon.docker('run', '--rm', 'localhost/busybox', 'sh', '-c', 'echo out; echo err >&2; exit 42')
    assert.deepEqual([both.code, both.stdout, both.stderr], [42, 'out\n', 'err\n'])
    assert.equal(await docker('ps', '-aq'), '')
  })

  test('takes 127, 126 and 125 from the texts of failures', async () => {
    assert.equal((await daemon.docker('run', '--rm', 'localhost/busybox', 'no-such-program')).code, 127)
    assert.equal((await daemon.docker('run', '--rm', 'localhost/busybox', '/etc')).code, 126)
    assert.equal((await daemon.docker('run', '--rm', 'localhost/nothing', 'true')).code, 125)
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('lives through a container: run -d, ps, logs, exec, inspect, stop, start, rm', async () => {
    const id = await docker(
      'run',
      '-d',
      '--name',
      'web',
      '-p',
      '127.0.0.1:0:80',
      '-l',
      'a=b',
      'localhost/busybox',
      'sh',
      '-c',
      'echo up; trap "exit 3" TERM; while :; do sleep 0.1; done',
    )
    assert.match(id, /^[0-9a-f]{64}$/)
    assert.match(
      await docker('ps', '--format', '{{.Names}} {{.Status}} {{.Ports}}'),
      /^web Up .*127\.0\.0\.1:\d+->80\/tcp/,
    )
    assert.equal(await docker('ps', '-q', '--no-trunc', '--filter', 'label=a=b'), id)
    assert.equal(await docker('exec', 'web', 'cat', '/etc/hostname'), id.slice(0, 12))
    assert.equal((await daemon.docker('exec', 'web', 'sh', '-c', 'exit 9')).code, 9)
    assert.equal((await daemon.docker('exec', 'web', 'no-such-program')).code, 127)
    assert.match(await docker('logs', 'web'), /^up/)
    assert.match(await docker('top', 'web'), /sleep/)
    assert.match(
      await docker('inspect', 'web', '--format', '{{.State.Status}} {{.NetworkSettings.IPAddress}}'),
      /^running 10\.\d+\.\d+\.\d+$/,
    )
    assert.equal((await daemon.docker('rm', 'web')).code, 1)
    await docker('stop', '-t', '5', 'web')
    assert.equal(await docker('inspect', 'web', '--format', '{{.State.ExitCode}}'), '3')
    await docker('start', 'web')
    await docker('pause', 'web')
    assert.match(await docker('ps', '--format', '{{.Status}}'), /Paused/)
    await docker('unpause', 'web')
    await docker('rename', 'web', 'web2')
    await docker('rm', '-f', 'web2')
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('logs -f ends with the container and misses nothing', async () => {
    await docker(
      'run',
      '-d',
      '--name',
      'talk',
      'localhost/busybox',
      'sh',
      '-c',
      'for i in 1 2 3; do echo $i; sleep 0.1; done; echo end',
    )
    assert.equal(await docker('logs', '-f', 'talk'), '1\n2\n3\nend')
    assert.equal(await docker('logs', '--tail', '1', 'talk'), 'end')
    assert.match(await docker('logs', '-t', '--tail', '1', 'talk'), /^\d{4}-\d\d-\d\dT[\d:.]+Z end$/)
    await docker('rm', 'talk')
  })

  test('wait, kill and events', async () => {
    await docker('run', '-d', '--name', 'sleeper', 'localhost/busybox', 'sleep', '100')
    const waiting = docker('wait', 'sleeper')
    await docker('kill', 'sleeper')
    assert.equal(await waiting, '137')
    await docker('rm', 'sleeper')
    const events = await docker(
      'events',
      '--since',
      '1h',
      '--until',
      String(Date.now() / 1000),
      '--filter',
      'container=sleeper',
      '--format',
      '{{.Action}}',
    )
    assert.deepEqual(events.split('\n'), ['create', 'start', 'kill', 'die', 'destroy'])
  })

  test('input goes in, and its end is seen', async () => {
    const { runStatus } = await import('@gantry/process')
    const { stdout } = await runStatus('docker', ['run', '--rm', '-i', 'localhost/busybox', 'cat'], {
      env: { ...process.env, DOCKER_HOST: `unix://${daemon.site.socket}` },
      input: 'x'.repeat(300_000),
      timeout: 30_000,
    })
    assert.equal(stdout.length, 300_000)
  })

  test(
    'a terminal has a size and sends its bytes as they are',
    { skip: which('script') === undefined ? 'needs script' : false },
    async () => {
      const { runStatus } = await import('@gantry/process')
      const inner = 'docker run -it --rm localhost/busybox sh -c "tty; echo $((40+2)); exit 5"'
      const { code, stdout } = await runStatus('script', ['-qec', inner, '/dev/null'], {
        env: { ...process.env, DOCKER_HOST: `unix://${daemon.site.socket}` },
        timeout: 30_000,
      })
      assert.deepEqual([code, stdout.replaceAll('\r', '').replace('^@', '')], [5, '/dev/pts/0\n42\n'])
    },
  )

  test('networks: names are resolved, a container can share one', async () => {
    await docker('network', 'create', '--label', 'x=y', 'lan')
    await docker(
      'run',
      '-d',
      '--name',
      'server',
      '--network',
      'lan',
      'localhost/busybox',
      'sh',
      '-c',
      'mkdir /w; echo found > /w/page; exec httpd -f -p 80 -h /w',
    )
    assert.equal(
      await docker(
        'run',
        '--rm',
        '--network',
        'lan',
        'localhost/busybox',
        'sh',
        '-c',
        'for i in 1 2 3 4 5; do wget -qO- http://server/page && exit; sleep 0.2; done; exit 1',
      ),
      'found',
    )
    assert.equal(
      await docker(
        'run',
        '--rm',
        '--network',
        'container:server',
        'localhost/busybox',
        'wget',
        '-qO-',
        'http://127.0.0.1/page',
      ),
      'found',
    )
    assert.equal(
      await docker('run', '--rm', '--network', 'none', 'localhost/busybox', 'sh', '-c', 'ls /sys/class/net'),
      'lo',
    )
    assert.equal((await daemon.docker('network', 'rm', 'lan')).code, 1)
    await docker('rm', '-f', 'server')
    await docker('network', 'rm', 'lan')
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('volumes: named ones last, anonymous ones go, read-only ones are', async () => {
    await docker('run', '--rm', '-v', 'data:/data', 'localhost/busybox', 'sh', '-c', 'echo kept > /data/file')
    assert.equal(await docker('run', '--rm', '-v', 'data:/data:ro', 'localhost/busybox', 'cat', '/data/file'), 'kept')
    assert.equal(
      (await daemon.docker('run', '--rm', '-v', 'data:/data:ro', 'localhost/busybox', 'touch', '/data/x')).code,
      1,
    )
    assert.match(await docker('run', '--rm', '-v', '/etc:/anon', 'localhost/busybox', 'ls', '-d', '/anon'), /anon/)
    await docker('run', '--rm', '-v', '/scratch', 'localhost/busybox', 'touch', '/scratch/x')
    assert.equal(await docker('volume', 'ls', '-q'), 'data')
    await docker('volume', 'rm', 'data')
  })

  test('limits, users, capabilities and read-only roots reach the kernel', async () => {
    const run = (...args: string[]): Promise<string> => docker('run', '--rm', '--network', 'none', ...args)
    assert.equal(
      await run('-u', '1000:50', '-w', '/srv/new', 'localhost/busybox', 'sh', '-c', 'echo $(id -u):$(id -g) $PWD'),
      '1000:50 /srv/new',
    )
    assert.match(
      await run('--cap-drop', 'ALL', 'localhost/busybox', 'grep', 'CapBnd', '/proc/self/status'),
      /0000000000000000$/,
    )
    assert.match(await run('localhost/busybox', 'grep', 'Seccomp:', '/proc/self/status'), /2$/)
    const touched = await daemon.docker('run', '--rm', '--read-only', 'localhost/busybox', 'touch', '/x')
    assert.equal(touched.code, 1, touched.stderr)
    assert.equal(await run('-e', 'A=1', '--entrypoint', 'sh', 'localhost/busybox', '-c', 'echo $A'), '1')
    assert.equal(await run('-h', 'named', 'localhost/busybox', 'hostname'), 'named')
    assert.match(
      await run(
        '-m',
        '64m',
        'localhost/busybox',
        'sh',
        '-c',
        'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true',
      ),
      /67108864/,
    )
  })

  test('images: list, tag, inspect, history, save, load, rmi', async () => {
    await docker('tag', 'localhost/busybox', 'localhost/copy:1')
    assert.deepEqual((await docker('images', '--format', '{{.Repository}}:{{.Tag}}')).split('\n').toSorted(), [
      'localhost/busybox:latest',
      'localhost/copy:1',
    ])
    const id = await docker('inspect', '--type', 'image', 'localhost/copy:1', '--format', '{{.Id}}')
    assert.match(await docker('image', 'history', '-q', '--no-trunc', 'localhost/copy:1'), new RegExp(`^${id}`))
    const archive = `${daemon.site.root}/image.tar`
    await docker('save', '-o', archive, 'localhost/copy:1')
    assert.match(await docker('rmi', 'localhost/copy:1'), /^Untagged: localhost\/copy:1$/)
    assert.equal(await docker('load', '-i', archive), 'Loaded image: localhost/copy:1')
    assert.equal(await docker('inspect', '--type', 'image', 'localhost/copy:1', '--format', '{{.Id}}'), id)
    await docker('run', '--name', 'user', 'localhost/copy:1', 'true')
    assert.equal((await daemon.docker('rmi', id.slice(7, 19))).code, 1)
    await docker('rm', 'user')
    await docker('rmi', 'localhost/copy:1')
  })

  test('push and pull through a registry on this machine', async () => {
    const codec = testCodec()
    using state = openState(':memory:', registryMigrations)
    await using registry = createRegistry({ storage: memoryStorage(new MemoryStore(codec), codec), state })
    const served = await serveRegistry({ registry })
    try {
      const name = `localhost:${served.port}/team/app:1`
      await docker('tag', 'localhost/busybox', name)
      const pushed = /digest: (sha256:[0-9a-f]{64})/.exec(await docker('push', name))?.[1] ?? ''
      await docker('rmi', name)
      assert.match(await docker('pull', name), new RegExp(`Digest: ${pushed}`))
      assert.equal(await docker('run', '--rm', name, 'echo', 'pulled'), 'pulled')
      assert.equal(
        await docker('run', '--rm', `localhost:${served.port}/team/app@${pushed}`, 'echo', 'by digest'),
        'by digest',
      )
      const unknown = await daemon.docker('pull', `localhost:${served.port}/team/app:2`)
      assert.deepEqual([unknown.code, /manifest unknown|not found/i.test(unknown.stderr)], [1, true], unknown.stderr)
      await docker('rmi', '-f', name)
    } finally {
      await served.close()
    }
    assert.equal((await daemon.docker('pull', 'localhost:1/team/app:1')).code, 1)
  })

  test('runs with an image mounted, rules for devices, annotations and another’s volumes', async () => {
    await docker('create', '--name', 'giver', '-v', '/given', 'localhost/busybox')
    const options = ['--mount', 'type=image,source=localhost/busybox,target=/image', '--volumes-from', 'giver']
    const more = ['--device-cgroup-rule', 'c 10:203 rwm', '--annotation', 'a=b', '--cgroupns', 'private']
    const line = 'ls /image/bin/busybox; ls -d /given; touch /image/x 2>&1 | grep -o Read-only'
    assert.equal(
      await docker('run', '--rm', ...options, ...more, 'localhost/busybox', 'sh', '-c', line),
      '/image/bin/busybox\n/given\nRead-only',
    )
    await docker('rm', '-v', 'giver')
  })

  test('says which options it does not have', async () => {
    const { code, stderr } = await daemon.docker('run', '--rm', '--storage-opt', 'size=1G', 'localhost/busybox', 'true')
    assert.equal(code, 125)
    assert.match(stderr, /HostConfig\.StorageOpt is not supported/)
  })
})
