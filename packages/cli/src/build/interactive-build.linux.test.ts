import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, describe, test } from 'node:test'
import { start, which } from '@gantry/process'
import { Confined, confinedMissing } from '../testing/confined.ts'

const skip = confinedMissing() ?? false
const noTerminal = which('script') === undefined ? 'needs the program script, for a terminal' : false
const launcher = new URL('../../../../gantry', import.meta.url).pathname

const base = `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
`

/** A command that runs, with what it has written so far. */
interface Running {
  readonly child: ChildProcess
  readonly output: () => string
  /** Waits until a text has been written. */
  readonly says: (pattern: RegExp) => Promise<void>
  readonly ended: () => Promise<number | null>
}

describe('gantry build with a person at it', { skip, concurrency: false }, () => {
  const world = new Confined()
  const children: ChildProcess[] = []
  after(async () => {
    for (const child of children) child.kill('SIGKILL')
    await world[Symbol.asyncDispose]()
  })

  const command = (...args: readonly string[]): readonly string[] => [
    '--root',
    join(world.directory, 'root'),
    'build',
    ...args,
  ]

  function run(program: string, args: readonly string[]): Running {
    const env = { PATH: process.env['PATH'] ?? '', GANTRY_RUN: join(world.directory, 'run'), TERM: 'xterm' }
    const child = start(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env })
    children.push(child)
    let text = ''
    const take = (data: Buffer): void => void (text += data.toString())
    child.stdout?.on('data', take)
    child.stderr?.on('data', take)
    const closed = once(child, 'close')
    return {
      child,
      output: () => text,
      says: async (pattern) => {
        for (let tries = 0; !pattern.test(text); tries++) {
          assert.ok(tries < 1200 && child.exitCode === null, `never said ${String(pattern)}:\n${text}`)
          await sleep(50)
        }
      },
      ended: async () => ((await closed) as [number | null])[0],
    }
  }

  function assertNothingLeft(): void {
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
    assert.deepEqual(
      mounts.filter((line) => line.includes(world.directory)),
      [],
    )
    const running = readdirSync('/proc').filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(world.directory)
      } catch {
        return false
      }
    })
    assert.deepEqual(running, [])
    const containers = join(world.directory, 'run/oci')
    assert.deepEqual(existsSync(containers) ? readdirSync(containers) : [], [])
    assert.deepEqual(
      readdirSync(join(world.directory, 'run')).filter((name) => name.startsWith('build-')),
      [],
    )
  }

  test(
    '--debug opens a shell where a RUN failed, with its files, directory and variables',
    { skip: noTerminal },
    async () => {
      const context = world.context('debug', { Dockerfile: `${base}ENV X=1\nWORKDIR /w\nRUN echo made >f; false\n` })
      const line = [launcher, ...command('--debug', context)].join(' ')
      const running = run('script', ['-qec', line, '/dev/null'])
      await running.says(/\/w # /)
      running.child.stdin?.write('echo "<$X $(cat f) $PWD $(id -u)>"; exit 3\r')
      assert.equal(await running.ended(), 1)
      assert.match(running.output(), /<1 made \/w 0>/)
      assert.match(running.output(), /exit code 1/)
      assertNothingLeft()
    },
  )

  test('without a terminal --debug says how to get one', async () => {
    const context = world.context('plain', { Dockerfile: `${base}RUN false\n` })
    const running = run(launcher, command('--debug', context))
    assert.equal(await running.ended(), 1)
    assert.match(running.output(), /run this on a terminal/)
    assertNothingLeft()
  })

  test('--watch builds again when a file changes, not when an ignored one does, and ends a build that is under way', async () => {
    const context = world.context('watch', {
      Dockerfile: `${base}COPY . /src\nRUN [ ! -e /src/slow ] || sleep 60\n`,
      '.dockerignore': 'ignored\n',
      a: '1',
    })
    const running = run(launcher, command('--watch', '--progress=plain', context))
    const built = (): number => running.output().match(/^Built /gm)?.length ?? 0
    await running.says(/^Watching /m)
    assert.equal(built(), 1)
    writeFileSync(join(context, 'ignored'), '1')
    writeFileSync(join(context, 'a'), '2')
    await running.says(/(?:^Built [^]*){2}^Watching/m)
    assert.doesNotMatch(running.output(), /Changed: ignored/)
    // A mistake is told of, and the next change mends it.
    writeFileSync(
      join(context, 'Dockerfile'),
      `${base}COPY . /src\nRUN [ ! -e /src/slow ] || sleep 60\nCOPY missing /\n`,
    )
    await running.says(/ERROR: Cannot copy "missing"[^]*^Watching/m)
    writeFileSync(join(context, 'Dockerfile'), `${base}COPY . /src\nRUN [ ! -e /src/slow ] || sleep 60\n`)
    await running.says(/(?:^Watching [^]*){4}/m)
    writeFileSync(join(context, 'slow'), '')
    await running.says(/Changed: slow[^]*sleep 60/)
    await sleep(500)
    writeFileSync(join(context, 'a'), '3')
    await running.says(/Changed: slow[^]*Changed: a/)
    running.child.kill('SIGINT')
    assert.equal(await running.ended(), 130)
    assertNothingLeft()
  })

  test('Ctrl-C at any moment leaves nothing running or mounted, and what was done is used again', async () => {
    const steps = Array.from(
      { length: 8 },
      (_, index) => `RUN echo ${String(index)} >/f${String(index)} && sleep 0.2\n`,
    )
    const context = world.context('stopped', { Dockerfile: `${base}${steps.join('')}` })
    let stopped = 0
    for (let round = 0; round < 6; round++) {
      const running = run(launcher, command('--no-cache', '--progress=plain', context))
      await running.says(/#1/)
      await sleep(Math.random() * 2500)
      running.child.kill('SIGINT')
      const code = await running.ended()
      assert.ok(
        code === 130 || (code === 0 && /^Built /m.test(running.output())),
        `${String(code)} ${running.output()}`,
      )
      if (code === 130) stopped++
      assertNothingLeft()
    }
    assert.ok(stopped > 0)
    const last = run(launcher, command('--progress=plain', context))
    assert.equal(await last.ended(), 0, last.output())
    assert.match(last.output(), /CACHED/)
  })
})
