import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { which } from '@gantry/process'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const missing = realDaemonMissing() ?? (which('docker') === undefined ? 'needs the docker client' : undefined)

describe('builds of the stock docker client', { skip: missing ?? false, concurrency: false }, () => {
  let daemon: RealDaemon
  let context: string
  before(async () => {
    daemon = await realDaemon()
    context = mkdtempSync(join(tmpdir(), 'gantry-docker-build-'))
    mkdirSync(join(context, 'sub'))
    writeFileSync(join(context, 'sub/file'), 'one\n')
    writeFileSync(join(context, 'secret'), 'left out\n')
    writeFileSync(join(context, '.dockerignore'), 'secret\n')
  })
  after(async () => {
    rmSync(context, { recursive: true, force: true })
    await daemon[Symbol.asyncDispose]()
  })

  const build = (dockerfile: string, ...args: string[]): ReturnType<RealDaemon['docker']> => {
    writeFileSync(join(context, 'Dockerfile'), dockerfile)
    return daemon.docker('build', ...args, context)
  }
  const run = async (image: string, ...command: string[]): Promise<string> =>
    (await daemon.docker('run', '--rm', image, ...command)).stdout

  test('take arguments, labels, a target, names, hosts and limits', async () => {
    const dockerfile = `FROM localhost/busybox AS first
ARG WHAT
COPY . /files
RUN echo $WHAT >/what; grep extra.test /etc/hosts >/hosts; df -k /dev/shm | tail -1 | awk '{print $2}' >/shm; ulimit -n >/nofile; cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null >/memory || true
FROM first
RUN false
`
    const flags =
      '--target first -t localhost/made:1 -t localhost/made:2 --label a=b --build-arg WHAT=that --add-host extra.test:192.0.2.4 ' +
      '--shm-size 8m --memory 64m --ulimit nofile=512:512 --network none --no-cache'
    const done = await build(dockerfile, ...flags.split(' '))
    assert.equal(done.code, 0, done.stderr)
    assert.match(done.stdout, /Successfully built [0-9a-f]{12}\nSuccessfully tagged localhost\/made:1\n/)
    assert.equal(
      await run('localhost/made:2', 'sh', '-c', 'cat /what /hosts /shm /nofile /memory; ls /files'),
      'that\n192.0.2.4\textra.test\n8192\n512\n67108864\nDockerfile\nsub\n',
    )
    const labels = await daemon.docker('inspect', '-f', '{{.Config.Labels}}', 'localhost/made:1')
    assert.equal(labels.stdout, 'map[a:b]\n')
  })

  test('end with the exit code of the command that failed, and its error', async () => {
    const failed = await build('FROM localhost/busybox\nRUN exit 7\n')
    assert.equal(failed.code, 7)
    assert.match(failed.stderr, /exit code 7: exit 7/)
    assert.equal((await build('FROM localhost/busybox\nRUM x\n')).code, 1)
  })

  test('print the id alone with -q, and use what is known', async () => {
    const dockerfile = 'FROM localhost/busybox\nRUN echo once >/once\n'
    assert.equal((await build(dockerfile)).code, 0)
    assert.match((await build(dockerfile)).stdout, /Using cache/)
    assert.match((await build(dockerfile, '-q')).stdout, /^sha256:[0-9a-f]{64}\n$/)
  })

  test('are refused what this builder does not do', async () => {
    for (const [flags, said] of [
      [['--squash'], /squash/],
      [['--network', 'container:x'], /network "container:x"/],
    ] as const) {
      const { code, stderr } = await build('FROM scratch\nLABEL a=b\n', ...flags)
      assert.equal(code, 1)
      assert.match(stderr, said)
    }
  })

  test('a link in the context leads to no file of the machine', async () => {
    symlinkSync('/etc/hostname', join(context, 'Dockerfile.link'))
    const { code, stderr } = await build('FROM scratch\n', '-f', join(context, 'Dockerfile.link'))
    rmSync(join(context, 'Dockerfile.link'))
    assert.equal(code, 1)
    assert.doesNotMatch(stderr, /unknown instruction/i)
  })
})
