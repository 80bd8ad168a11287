import type { RealDaemon } from '@gantry/testing/daemon'
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { realDaemon, realDaemonMissing } from '@gantry/testing/daemon'
import { which } from '@gantry/process'
import { gantry, type CliResult } from '../testing/scripted-daemon.ts'

const skip = realDaemonMissing() ?? false
const withDocker = skip === false && which('docker') === undefined ? 'the docker client is not installed' : skip
const image = 'localhost/busybox'

describe('the real command over real containers', { skip }, () => {
  let daemon: RealDaemon
  let scratch = ''
  const run = (...args: string[]): Promise<CliResult> => gantry(args, { env: { GANTRY_ROOT: daemon.site.root } })

  before(async () => {
    daemon = await realDaemon({ start: false })
    scratch = await mkdtemp(join(tmpdir(), 'gantry-cli-'))
    // Nothing listens yet: the first command that needs the daemon starts it.
    const { code, stdout, stderr } = await run('ps')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^CONTAINER ID {3}IMAGE {5}COMMAND {3}CREATED {3}STATUS {4}PORTS {5}NAMES\n$/)
  })

  after(async () => {
    for (const id of (await run('ps', '-aq')).stdout.split('\n').filter((line) => line !== ''))
      await run('rm', '-f', id)
    assert.deepEqual(await daemon.inventory(), [], 'something is left on the host')
    assert.equal((await run('daemon', 'stop')).code, 0)
    await daemon[Symbol.asyncDispose]()
    await rm(scratch, { recursive: true, force: true })
  })

  const codes: readonly [what: string, args: readonly string[], code: number, stderr: RegExp][] = [
    ['the container’s own code', ['run', '--rm', image, 'sh', '-c', 'exit 7'], 7, /^$/],
    ['a program that is not there', ['run', '--rm', image, 'nope'], 127, /executable file not found/],
    ['a path that is not there', ['run', '--rm', image, '/nope'], 127, /no such file or directory/],
    ['a file that cannot be executed', ['run', '--rm', image, '/dev/null'], 126, /permission denied/],
    ['a bad flag', ['run', '--nope', image], 125, /unknown flag: --nope/],
    [
      'an unknown image',
      ['run', '--rm', 'localhost/none', 'true'],
      125,
      /Unable to find image 'localhost\/none:latest' locally[^]*localhost\/none/,
    ],
    [
      'a file of variables that is not there',
      ['run', '--env-file', '/nope', image, 'true'],
      125,
      /Cannot read "\/nope"/,
    ],
    ['an unknown container', ['start', 'nope'], 1, /nope/],
    ['an unknown object', ['inspect', 'nope'], 1, /No such object: nope/],
    ['an unknown image to push', ['push', 'localhost/none'], 1, /localhost\/none/],
    ['an unknown network', ['run', '--rm', '--network', 'nope', image, 'true'], 125, /nope/],
  ]
  for (const [what, args, code, stderr] of codes) {
    test(`ends with ${code} for ${what}`, async () => {
      const result = await run(...args)
      assert.equal(result.code, code, result.stderr)
      assert.match(result.stderr, stderr)
      assert.doesNotMatch(result.stderr, /internal error/)
    })
  }

  test('ends with the codes that docker ends with, over the same daemon', { skip: withDocker }, async () => {
    for (const args of [
      ['run', '--rm', image, 'sh', '-c', 'exit 9'],
      ['run', '--rm', image, 'nope'],
      ['run', '--rm', image, '/dev/null'],
      ['run', '--nope', image],
      ['start', 'nope'],
      ['rm', 'nope'],
    ]) {
      const [ours, theirs] = await Promise.all([run(...args), daemon.docker(...args)])
      assert.equal(ours.code, theirs.code, `${args.join(' ')}\n${theirs.stderr}`)
    }
  })

  test('lists what docker lists, over the same daemon', { skip: withDocker }, async () => {
    await run('run', '-d', '--name', 'listed', '-l', 'a=b', image, 'sleep', '60')
    try {
      const format = '{{.ID}} {{.Image}} {{.Command}} {{.Names}} {{.State}} {{.Label "a"}}'
      const [ours, theirs] = await Promise.all([run('ps', '--format', format), daemon.docker('ps', '--format', format)])
      assert.equal(ours.stdout, theirs.stdout)
      const columns = 'table {{.Repository}}\\t{{.Tag}}\\t{{.ID}}\\t{{.Size}}'
      const [images, dockerImages] = await Promise.all([
        run('images', '--format', columns),
        daemon.docker('images', '--format', columns),
      ])
      assert.equal(images.stdout, dockerImages.stdout)
      const [state, dockerState] = await Promise.all([
        run('inspect', '-f', '{{.State.Status}} {{json .Config.Labels}}', 'listed'),
        daemon.docker('inspect', '-f', '{{.State.Status}} {{json .Config.Labels}}', 'listed'),
      ])
      assert.equal(state.stdout, dockerState.stdout)
    } finally {
      await run('rm', '-f', 'listed')
    }
  })

  test('passes output and input through, whole', async () => {
    const input = 'line of text\n'.repeat(20_000)
    const result = await gantry(['run', '--rm', '-i', image, 'cat'], { env: { GANTRY_ROOT: daemon.site.root }, input })
    assert.equal(result.code, 0, result.stderr)
    assert.equal(result.stdout.length, input.length)
    assert.equal(result.stdout, input)
    const both = await run('run', '--rm', image, 'sh', '-c', 'echo out; echo err >&2')
    assert.deepEqual(both, { code: 0, stdout: 'out\n', stderr: 'err\n' })
  })

  test('runs, tells, stops and removes a container', async () => {
    const { stdout: id } = await run(
      'run',
      '-d',
      '--name',
      'web',
      '-e',
      'A=1',
      image,
      'sh',
      '-c',
      'trap "exit 0" TERM; echo up $A; while :; do sleep 0.1; done',
    )
    assert.match(id, /^[0-9a-f]{64}\n$/)
    assert.match((await run('run', '--name', 'web', image, 'true')).stderr, /web.*in use/)
    assert.equal((await run('exec', 'web', 'sh', '-c', 'exit 4')).code, 4)
    assert.equal((await run('exec', 'web', 'nope')).code, 127)
    assert.equal(
      (await run('exec', '-e', 'B=2', '-w', '/tmp', 'web', 'sh', '-c', 'echo $A $B $PWD')).stdout,
      '1 2 /tmp\n',
    )
    assert.equal((await run('logs', 'web')).stdout, 'up 1\n')
    assert.match((await run('top', 'web')).stdout, /^UID .*\n.*sh -c/)
    assert.equal((await run('rm', 'web')).code, 1)
    const explained = await run('explain', 'web')
    assert.match(explained.stdout, /namespace[^]*same as[^]*undo/)
    // Only a single word, such as a path, may be wider than the page.
    const words = explained.stdout
      .split('\n')
      .map((line) => [line.length, line.replace(/^ {6}(why|same as|undo|took)? */, '').replace(/ \\$/, '')] as const)
    assert.deepEqual(
      words.filter(([length, text]) => length > 100 && text.includes(' ')),
      [],
    )
    assert.ok((JSON.parse((await run('explain', '--json', 'web')).stdout) as { steps: unknown[] }).steps.length > 10)
    assert.equal((await run('stop', '-t', '5', 'web')).stdout, 'web\n')
    assert.match((await run('ps', '-a', '--filter', 'name=web')).stdout, /Exited \(0\)/)
    assert.equal((await run('start', 'web')).stdout, 'web\n')
    assert.equal((await run('kill', 'web')).stdout, 'web\n')
    assert.equal((await run('wait', 'web')).stdout, '137\n')
    assert.equal((await run('rm', 'web')).stdout, 'web\n')
    assert.equal((await run('inspect', 'web')).code, 1)
  })

  test('follows logs to the end of the container', async () => {
    await run('run', '-d', '--name', 'talker', image, 'sh', '-c', 'for i in 1 2 3; do echo $i; sleep 0.2; done')
    assert.equal((await run('logs', '-f', 'talker')).stdout, '1\n2\n3\n')
    assert.equal((await run('logs', '--tail', '1', 'talker')).stdout, '3\n')
    assert.match((await run('logs', '-t', 'talker')).stdout, /^\d{4}-\d\d-\d\dT.*Z 1\n/)
    assert.equal((await run('start', '-a', 'talker')).stdout, '1\n2\n3\n')
    await run('rm', 'talker')
  })

  test('says who has a port, and what to do', async () => {
    const server = createServer()
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '0.0.0.0', () => resolve((server.address() as { port: number }).port)),
    )
    try {
      const result = await run('run', '--rm', '-p', `${port}:80`, image, 'true')
      assert.equal(result.code, 125)
      assert.match(result.stderr, new RegExp(String(port)))
    } finally {
      server.close()
    }
  })

  test('ends a container with the signal it gets itself', async () => {
    const result = await gantry(
      ['run', '--rm', image, 'sh', '-c', 'trap "echo got; exit 3" TERM; echo ready; while :; do sleep 0.1; done'],
      {
        env: { GANTRY_ROOT: daemon.site.root },
        during: async (child) => {
          await new Promise((resolve) => child.stdout?.once('data', resolve))
          child.kill('SIGTERM')
        },
      },
    )
    assert.deepEqual(result, { code: 3, stdout: 'ready\ngot\n', stderr: '' })
  })

  test('tags, saves, removes and loads an image', async () => {
    const archive = join(scratch, 'image.tar')
    assert.deepEqual(await run('tag', image, 'localhost/copy:1'), { code: 0, stdout: '', stderr: '' })
    assert.equal((await run('save', '-o', archive, 'localhost/copy:1')).code, 0)
    assert.match((await run('rmi', 'localhost/copy:1')).stdout, /^Untagged: localhost\/copy:1\n/)
    assert.match((await run('load', '-i', archive)).stdout, /Loaded image: localhost\/copy:1\n/)
    assert.equal((await run('run', '--rm', 'localhost/copy:1', 'echo', 'hi')).stdout, 'hi\n')
    assert.equal((await run('rmi', 'localhost/copy:1')).code, 0)
    assert.match((await run('load', '-i', '/none.tar')).stderr, /Cannot load "\/none.tar"/)
  })

  test('builds, and points at the mistake in a Dockerfile', async () => {
    const dockerfile = join(scratch, 'Dockerfile')
    await writeFile(dockerfile, `FROM ${image}\nRUN echo built > /file\nCMD ["cat", "/file"]\n`)
    const built = await run('build', '-t', 'localhost/built', scratch)
    assert.equal(built.code, 0, built.stderr)
    assert.match(built.stderr, /RUN echo built[^]*DONE[^]*Built /)
    assert.equal((await run('run', '--rm', 'localhost/built')).stdout, 'built\n')
    const again = await run('build', '-q', '-t', 'localhost/built', scratch)
    assert.match(again.stdout, /^sha256:[0-9a-f]{64}\n$/)
    assert.equal(again.stderr, '')
    await writeFile(dockerfile, `FROM ${image}\nRUNN true\n`)
    const mistaken = await run('build', scratch)
    assert.equal(mistaken.code, 1)
    assert.match(mistaken.stderr, /Dockerfile:2:1: .*RUNN[^]*2 \| RUNN true\n {2}\| \^\^\^\^/)
    await writeFile(dockerfile, `FROM ${image}\nRUN echo one; echo two >&2; exit 3\n`)
    const failed = await run('build', '--progress', 'quiet', scratch)
    assert.equal(failed.code, 1)
    // Which of two pipes is read first is nobody's promise.
    assert.match(failed.stderr, /(?:one[^]*two|two[^]*one)[^]*Dockerfile:2:1: [^]*\^/)
    assert.equal((await run('rmi', '-f', 'localhost/built')).code, 0)
  })

  test('makes and removes networks and volumes', async () => {
    assert.match((await run('network', 'create', '--label', 'a=b', 'net1')).stdout, /^[0-9a-f]{64}\n$/)
    assert.match((await run('network', 'ls')).stdout, /net1 +bridge +local/)
    assert.equal((await run('network', 'inspect', '-f', '{{.Name}} {{.Labels.a}}', 'net1')).stdout, 'net1 b\n')
    assert.equal((await run('volume', 'create', 'vol1')).stdout, 'vol1\n')
    await run('run', '--rm', '-v', 'vol1:/data', image, 'sh', '-c', 'echo kept > /data/file')
    assert.equal(
      (await run('run', '--rm', '--network', 'net1', '-v', 'vol1:/data', image, 'cat', '/data/file')).stdout,
      'kept\n',
    )
    assert.equal((await run('volume', 'ls', '-q')).stdout, 'vol1\n')
    assert.equal((await run('volume', 'rm', 'vol1')).stdout, 'vol1\n')
    assert.equal((await run('network', 'rm', 'net1')).stdout, 'net1\n')
  })

  test('tells about the daemon', async () => {
    const status = await run('daemon', 'status')
    assert.equal(status.code, 0)
    assert.match(status.stdout, /The daemon runs/)
    assert.match((await run('daemon', 'start')).stdout, /runs already/)
    assert.match((await run('daemon', 'log')).stdout, /listens on/)
    assert.match((await run('version', '--server')).stdout, /Daemon:\n Version/)
    assert.match((await run('info')).stdout, /Storage Driver: /)
  })

  test('restarts what goes with its process, over and over', async () => {
    await run('run', '-d', '--rm', '--name', 'again', image, 'sleep', '60')
    for (let round = 0; round < 2; round++) {
      const { code, stderr } = await run('restart', '-t', '0', 'again')
      assert.equal(code, 0, stderr)
      assert.equal((await run('inspect', '-f', '{{.State.Running}}', 'again')).stdout, 'true\n')
    }
    assert.equal((await run('rm', '-f', 'again')).code, 0)
  })

  test('system reset lists what would go, and wants --force where it cannot ask', async () => {
    const { code, stderr } = await run('system', 'reset')
    assert.equal(code, 1)
    assert.match(stderr, /\d images\n[^]*not a terminal[^]*--force/)
    assert.match((await run('images', '-q')).stdout, /\w/)
  })
})
