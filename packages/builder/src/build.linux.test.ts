import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { busyboxMissing } from '@gantry/testing'
import { listing, World } from './test/world.ts'

const skip = process.getuid?.() === 0 ? (busyboxMissing() ?? false) : 'needs root, to run containers'
const base = 'FROM localhost/busybox\n'

describe('build with RUN', { skip, concurrency: false }, () => {
  let world: World
  before(async () => {
    world = await World.open()
    await world.busybox()
  })
  after(() => world[Symbol.asyncDispose]())

  test('RUN makes a layer of what it changed and nothing else', async () => {
    const { layers, config } = await world.build({
      Dockerfile: `${base}RUN echo hi >/hi && rm /etc/group && mkdir /d\n`,
    })
    const entries = await world.layer(layers.at(-1)!)
    assert.deepEqual(listing(entries), [
      'directory 755 0:0 d',
      'directory 755 0:0 etc',
      'file 0 0:0 etc/.wh.group',
      'file 644 0:0 hi',
    ])
    assert.equal(
      config.history?.at(-1)?.created_by,
      'RUN /bin/sh -c echo hi >/hi && rm /etc/group && mkdir /d # buildkit',
    )
    world.assertClean()
  })

  test('a RUN that changes nothing leaves no mount points in its layer', async () => {
    const { layers } = await world.build({ Dockerfile: `${base}RUN true\n` })
    const paths = (await world.layer(layers.at(-1)!)).map(({ path }) => path)
    assert.deepEqual(paths, [])
  })

  test('a second build hits everywhere, touches no mount and gives the same image', async () => {
    const context = world.context({ Dockerfile: `${base}WORKDIR /app\nCOPY a .\nRUN date >/now`, a: '1' })
    const first = await world.build(context)
    const { snapshots, ledger } = world.ports
    const before = [snapshots.list(), ledger.owners()]
    const second = await world.build(context)
    assert.equal(second.digest, first.digest)
    assert.ok(world.steps().every(([, cached]) => cached))
    assert.deepEqual([snapshots.list(), ledger.owners()], before)
  })

  test('the same input gives the same image with --no-cache, whatever the clock and the times of files say', async () => {
    const files = {
      Dockerfile: `${base}COPY . /src\nRUN mkdir /out && cp /src/a /out/b && ln /out/b /out/c && ln -s b /out/d && mkfifo /out/p\nWORKDIR /w/x\nENV A=b\n`,
      a: 'x',
      'd/e': 'y',
    }
    const first = await world.build(files)
    const context = world.context(files)
    utimesSync(join(context, 'a'), 1, 2)
    await setTimeout(1100)
    const second = await world.build(context, { noCache: true })
    assert.deepEqual(
      world.steps().filter(([, cached]) => cached),
      [],
    )
    assert.equal(second.digest, first.digest)
  })

  test('one changed file runs again what comes after it, and only that', async () => {
    const files = { Dockerfile: `${base}COPY a /a\nRUN echo >/1\nCOPY b /b\nRUN echo >/2\n`, a: '1', b: '1' }
    await world.build(files)
    await world.build({ ...files, b: '2' })
    assert.deepEqual(
      world.steps().map(([, cached]) => cached),
      [true, true, false, false],
    )
  })

  test('a COPY is found again when what changed below does not matter to it', async () => {
    const text = (run: string): string => `${base}RUN ${run}\nCOPY a /data/\n`
    await world.build({ Dockerfile: text('echo 1 >/x'), a: '1' })
    await world.build({ Dockerfile: text('echo 2 >/x'), a: '1' })
    assert.deepEqual(
      world.steps().map(([, cached]) => cached),
      [false, true],
    )
  })

  test('SOURCE_DATE_EPOCH is the date of everything', async () => {
    const files = { Dockerfile: `${base}COPY a /a\nRUN echo >/b && touch -d @1000 /old\n`, a: '1' }
    const { layers, config } = await world.build(files, { buildArgs: { SOURCE_DATE_EPOCH: '1600000000' } })
    assert.equal(config.created, '2020-09-13T12:26:40Z')
    assert.ok(config.history?.slice(-2).every(({ created }) => created === config.created))
    const times = new Map(
      (await Promise.all(layers.slice(-2).map((id) => world.layer(id)))).flat().map(({ path, mtime }) => [path, mtime]),
    )
    assert.deepEqual([times.get('a'), times.get('b'), times.get('old')], [1600000000, 1600000000, 1000])
  })

  test('a RUN that fails says where, what, and how it ended, and leaves nothing', async () => {
    const promise = world.build({ Dockerfile: `${base}\nRUN echo out; sleep 0.2; echo err >&2; exit 3\n` })
    await assert.rejects(promise, (error: unknown) => {
      const { code, line, column, file, run } = error as Record<string, unknown>
      assert.deepEqual({ code, line, column, file }, { code: 'RUN_FAILED', line: 3, column: 1, file: 'Dockerfile' })
      assert.deepEqual(run, { exitCode: 3, command: 'echo out; sleep 0.2; echo err >&2; exit 3', output: 'out\nerr\n' })
      return true
    })
    world.assertClean()
  })

  test('ENV, ARG, USER and WORKDIR reach the process; ARG does not reach the image', async () => {
    const { config } = await world.build(
      {
        Dockerfile: `${base}ARG A=1\nARG B\nENV C=$A-\${B:-none} \\\n  D="x y"\nUSER 12:34\nWORKDIR /w\nRUN echo $A $B $C "$D" $(id -u):$(id -g) $(pwd) $HOME >/tmp/x; cat /tmp/x\n`,
      },
      { buildArgs: { A: '5' } },
    )
    assert.equal(world.output(), '5 5-none x y 12:34 /w /\n')
    assert.deepEqual(config.config?.Env?.slice(1), ['C=5-none', 'D=x y'])
    const history = config.history?.map(({ created_by }) => created_by)
    assert.match(history?.at(-1) ?? '', /^RUN \|2 A=5 B= \/bin\/sh -c echo /)
    assert.equal(config.config?.User, '12:34')
  })

  test('WORKDIR belongs to the user, missing directories above it too', async () => {
    const { layers } = await world.build({ Dockerfile: `${base}USER 7:8\nWORKDIR /a/b\nWORKDIR c\nRUN touch x\n` })
    assert.deepEqual(listing(await world.layer(layers.at(-3)!)), ['directory 755 7:8 a', 'directory 755 7:8 a/b'])
    assert.deepEqual(listing(await world.layer(layers.at(-1)!)).at(-1), 'file 644 7:8 a/b/c/x')
  })

  test('RUN in its forms: exec, SHELL, heredocs', async () => {
    await world.build({
      Dockerfile: `${base}RUN ["echo", "a $b"]\nSHELL ["/bin/sh", "-x", "-c"]\nRUN echo x\nSHELL ["/bin/sh", "-c"]\nRUN <<EOF\necho one\necho two\nEOF\nRUN <<-EOF\n\t#!/bin/cat\n\tthree\nEOF\nRUN cat <<A\n1\nA\n`,
    })
    // Which of the two streams is read first is not promised, nor in how many pieces.
    const written = (stream: 'stdout' | 'stderr'): string =>
      world.events
        .map((event) => (event.kind === 'output' && event.stream === stream ? Buffer.from(event.data).toString() : ''))
        .join('')
    assert.equal(written('stdout'), 'a $b\nx\none\ntwo\n#!/bin/cat\nthree\n1\n')
    assert.ok(written('stderr').includes('+ echo x'))
  })

  test('the sandbox is Docker’s: capabilities, seccomp, masked paths', async () => {
    await world.build({
      Dockerfile: `${base}RUN grep -E 'CapEff|Seccomp:' /proc/self/status; head -c1 /proc/kcore | wc -c; touch /proc/sys/x 2>/dev/null || echo ro\n`,
    })
    assert.match(world.output(), /CapEff:\s+00000000a80425fb/)
    assert.match(world.output(), /Seccomp:\s+2/)
    assert.match(world.output(), /^0$/m)
    assert.match(world.output(), /^ro$/m)
  })

  test('changes to resolv.conf and hosts stay in the step; the base’s own files stay as they are', async () => {
    await world.busybox({}, 'localhost/other:latest')
    const { layers } = await world.build({
      Dockerfile: `${base}RUN echo kept >>/etc/hosts; echo y >>/etc/resolv.conf\nRUN cat /etc/hosts\n`,
    })
    for (const id of layers.slice(1)) {
      assert.deepEqual(
        (await world.layer(id)).filter(({ path }) => path.startsWith('etc/')),
        [],
      )
    }
    assert.ok(!world.output().includes('kept'))
  })

  test('COPY --from keeps owner, mode, time and hard links, and links as links', async () => {
    const { layers } = await world.build({
      Dockerfile: `${base}RUN mkdir /o && echo a >/o/a && ln /o/a /o/b && ln -s a /o/s && chown 5:6 /o/a && chmod 4711 /o/a && touch -d @1000 /o/a && chmod 1777 /o\nFROM scratch\nCOPY --from=0 /o /p/o\n`,
    })
    const entries = await world.layer(layers[0]!)
    assert.deepEqual(listing(entries), [
      'directory 755 0:0 p',
      'directory 755 0:0 p/o',
      'file 4711 5:6 p/o/a',
      'hardlink 4711 5:6 p/o/b',
      'symlink 777 0:0 p/o/s',
    ])
    assert.deepEqual([entries[2]?.mtime, entries[3]?.linkPath, entries[4]?.linkPath], [1000, 'p/o/a', 'a'])
  })

  test('COPY --from an image, and --chown by names of the destination', async () => {
    const { layers } = await world.build({
      Dockerfile: `${base}RUN echo bob:x:77:88::/:/bin/sh >>/etc/passwd; echo team:x:99: >>/etc/group\nCOPY --from=localhost/busybox --chown=bob /bin/busybox /1\nCOPY --chown=bob:team a /2\nCOPY --chown=5 a /3\n`,
      a: '1',
    })
    const lines = (await Promise.all(layers.slice(-3).map((id) => world.layer(id)))).flatMap(listing)
    assert.deepEqual(lines, ['file 755 77:88 1', 'file 644 77:99 2', 'file 644 5:5 3'])
  })

  test('COPY to a link in the image stays in the image', async () => {
    const { layers } = await world.build({
      Dockerfile: `${base}RUN mkdir /real && ln -s /real /link && ln -s ../../../../etc /esc\nCOPY a /link/\nCOPY a /esc/a\n`,
      a: '1',
    })
    assert.deepEqual(
      (await world.layer(layers.at(-2)!)).map(({ path }) => path),
      ['real', 'real/a'],
    )
    assert.deepEqual(
      (await world.layer(layers.at(-1)!)).map(({ path }) => path),
      ['etc', 'etc/a'],
    )
  })

  test('a name that is no user of the image is refused at its place', async () => {
    await assert.rejects(world.build({ Dockerfile: `${base}COPY --chown=nobodyx a /\n`, a: '' }), {
      code: 'USER_UNKNOWN',
      line: 2,
    })
    await assert.rejects(world.build({ Dockerfile: `${base}USER nobodyx\nRUN true\n` }), {
      code: 'STEP_FAILED',
      line: 3,
    })
    world.assertClean()
  })

  test('a RUN that cannot begin says so at its place', async () => {
    await assert.rejects(world.build({ Dockerfile: 'FROM scratch\nRUN echo\n' }), (error: unknown) => {
      const { code, line, run, hint } = error as { code: string; line: number; run: { exitCode: number }; hint: string }
      assert.deepEqual([code, line, run.exitCode], ['RUN_FAILED', 2, 127])
      assert.match(hint, /exec form/)
      return true
    })
    world.assertClean()
  })

  test('stages that nobody needs do not run; independent ones run side by side', async () => {
    await world.build({
      Dockerfile: `${base.trim()} AS bad\nRUN false\n${base.trim()} AS one\nRUN sleep 1; echo >/1\n${base.trim()} AS two\nRUN sleep 1; echo >/2\nFROM scratch\nCOPY --from=one /1 /\nCOPY --from=two /2 /\n`,
    })
    const starts = world.events.filter((event) => event.kind === 'step-start' && event.step.kind === 'run')
    const firstDone = world.events.findIndex((event) => event.kind === 'step-done' && event.step.kind === 'run')
    assert.equal(starts.length, 2)
    assert.ok(starts.every((start) => world.events.indexOf(start) < firstDone))
  })

  test('stages that begin alike share what they have in common', async () => {
    const same = `${base.trim()} AS NAME\nWORKDIR /w\nRUN echo ran >x; echo ran\n`
    await world.build({
      Dockerfile: `${same.replace('NAME', 'one')}RUN true\n${same.replace('NAME', 'two')}FROM scratch\nCOPY --from=one /w/x /1\nCOPY --from=two /w/x /2\n`,
    })
    assert.equal(world.output(), 'ran\n')
  })

  test('when one stage fails the others are stopped and the failure is the one reported', async () => {
    const started = Date.now()
    const promise = world.build({
      Dockerfile: `${base.trim()} AS one\nRUN sleep 60\n${base.trim()} AS two\nRUN sleep 0.3; exit 9\nFROM scratch\nCOPY --from=one / /\nCOPY --from=two / /\n`,
    })
    await assert.rejects(promise, { code: 'RUN_FAILED', line: 4 })
    assert.ok(Date.now() - started < 20_000)
    world.assertClean()
  })

  test('an abort stops what runs and leaves nothing', async () => {
    const controller = new AbortController()
    const promise = world.build(
      { Dockerfile: `${base}RUN echo started; sleep 60\n` },
      {
        signal: controller.signal,
      },
    )
    const timer = setInterval(() => {
      if (world.output().includes('started')) controller.abort(new Error('enough'))
    }, 50)
    await assert.rejects(promise, { message: 'enough' })
    clearInterval(timer)
    world.assertClean()
  })

  const helper = (env: Record<string, string>, ...args: string[]): ReturnType<typeof spawn> =>
    spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'test/build-once.ts'), world.root, ...args],
      {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )

  test('several processes may build the same thing at once', async () => {
    const context = world.context({
      Dockerfile: `${base}RUN echo par >/par && sleep 0.3\nCOPY . /c\nRUN echo >/x\n`,
      a: '1',
    })
    const digests = await Promise.all(
      [0, 1, 2].map(async () => {
        const child = helper({}, context)
        const output: Buffer[] = []
        child.stdout?.on('data', (data: Buffer) => void output.push(data))
        const [code] = (await once(child, 'close')) as [number]
        assert.equal(code, 0)
        return Buffer.concat(output).toString()
      }),
    )
    assert.equal(new Set(digests).size, 1)
    world.assertClean()
  })

  test('a build killed at any step of the ledger is taken back by the next one', { timeout: 900_000 }, async () => {
    const context = world.context({
      Dockerfile: `${base}RUN echo killed >/k; sleep 0.1\nCOPY --from=localhost/busybox /bin/sh /s\nRUN rm /k\n`,
    })
    let killed = 0
    for (let step = 1; step < 200; step += step < 12 ? 1 : 9) {
      const child = helper({ GANTRY_FAULT_AT: String(step) }, context, 'no-cache')
      child.stdout?.resume()
      const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
      if (signal === 'SIGKILL') killed++
      else assert.equal(code, 0)
      await world.ports.ledger.recover()
      assert.deepEqual(world.ports.ledger.owners('build'), [], `after step ${step}`)
      if (code === 0) break
    }
    assert.ok(killed > 10, String(killed))
    await world.ports.snapshots.gc({ keep: [] })
    world.assertClean()
    const { digest } = await world.build(context)
    assert.ok(digest)
  })
})
