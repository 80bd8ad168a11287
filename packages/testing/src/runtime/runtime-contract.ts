import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  readLog,
  RuntimeError,
  type Attachment,
  type Bundle,
  type RuntimeErrorCode,
  type Runtime,
  type Stdio,
  type Task,
} from '@gantry/runtime'

/** A runtime under test, and what containers need in its world. */
export interface RuntimeFixture extends AsyncDisposable {
  readonly runtime: Runtime
  /** Another runtime over the same containers, as after a restart of the daemon. */
  reopen(): Runtime
  /** A bundle that runs a command; its directory exists. Each has an owner of its own name: `container/<id>/run/1`. */
  bundle(args: readonly string[]): Promise<Bundle>
  /** Takes back what the owner of a bundle has made. */
  undo(bundle: Bundle): Promise<void>
}

const refusal = (code: RuntimeErrorCode) => (error: unknown) => error instanceof RuntimeError && error.code === code

async function textOf({ output }: Pick<Attachment, 'output'>): Promise<string> {
  let text = ''
  for await (const { stream, data } of output)
    text += `${stream === 'stderr' ? '!' : ''}${Buffer.from(data).toString()}`
  return text
}

/** What every runtime does, the fake one too: what the engine relies on. */
export function runtimeContract(
  name: string,
  make: () => Promise<RuntimeFixture>,
  { skip = false }: { skip?: string | false } = {},
): void {
  describe(`${name} as a runtime`, { skip }, () => {
    const create = async (
      fixture: RuntimeFixture,
      args: readonly string[],
      stdio: Partial<Stdio> = {},
    ): Promise<{ bundle: Bundle; task: Task; log: string }> => {
      const bundle = await fixture.bundle(args)
      mkdirSync(bundle.directory, { recursive: true })
      const log = join(bundle.directory, 'container.log')
      const whole = { terminal: false, stdin: false, log, ...stdio }
      const task = await fixture.runtime.create(bundle, whole, { owner: `container/${bundle.id}/run/1` })
      return { bundle, task, log }
    }

    test('runs a command: what it writes is attached and logged, its exit code is told', async () => {
      await using fixture = await make()
      const { bundle, task, log } = await create(fixture, ['sh', '-c', 'echo out; echo err >&2; exit 3'])
      const attachment = await task.attach({ stdin: false })
      await task.start()
      const exit = await task.wait()
      assert.deepEqual([exit.exitCode, exit.oomKilled], [3, false])
      const text = await textOf(attachment)
      assert.deepEqual([text.includes('out\n'), text.includes('!err\n')], [true, true])
      const lines: string[] = []
      for await (const entries of readLog(log))
        lines.push(...entries.map(({ stream, line }) => `${stream} ${Buffer.from(line).toString()}`))
      assert.deepEqual(lines.toSorted(), ['stderr err', 'stdout out'])
      await task.delete()
      await task.delete()
      await fixture.undo(bundle)
    })

    test('does nothing before it is started', async () => {
      await using fixture = await make()
      const { bundle, task } = await create(fixture, ['echo', 'early'])
      const attachment = await task.attach({ stdin: false })
      const output = textOf(attachment)
      const early = await Promise.race([output, new Promise((resolve) => setTimeout(resolve, 50, 'nothing'))])
      assert.equal(early, 'nothing')
      await task.start()
      assert.equal(await output, 'early\n')
      await task.wait()
      await task.delete()
      await fixture.undo(bundle)
    })

    test('passes input and its end', async () => {
      await using fixture = await make()
      const { bundle, task } = await create(fixture, ['cat'], { stdin: true, stdinOnce: true })
      const attachment = await task.attach()
      await task.start()
      await attachment.write(Buffer.from('hello'))
      attachment.end()
      assert.equal(await textOf(attachment), 'hello')
      assert.equal((await task.wait()).exitCode, 0)
      await task.delete()
      await fixture.undo(bundle)
    })

    test('a signal ends it with 128 and its number; afterwards it does not run', async () => {
      await using fixture = await make()
      const { bundle, task } = await create(fixture, ['sleep', '1000'])
      await task.start()
      assert.ok((await task.pids()).length > 0)
      await task.kill(9)
      assert.equal((await task.wait()).exitCode, 137)
      await assert.rejects(task.kill(9), refusal('NOT_RUNNING'))
      const late = { user: { uid: 0, gid: 0 }, args: ['true'], cwd: '/' }
      await assert.rejects(async () => task.exec(late, { terminal: false, stdin: false }), refusal('NOT_RUNNING'))
      assert.deepEqual(await task.pids(), [])
      await task.delete()
      await fixture.undo(bundle)
    })

    test('executes further programs, whose exit code is there when their output ends', async () => {
      await using fixture = await make()
      const { bundle, task } = await create(fixture, ['sleep', '1000'])
      await task.start()
      const process = { ...bundle.spec.process, terminal: false }
      const exec = await task.exec(
        { ...process, args: ['sh', '-c', 'echo inside; exit 5'] },
        { terminal: false, stdin: false },
      )
      assert.equal(await textOf(exec), 'inside\n')
      assert.deepEqual((await exec.wait()).exitCode, 5)
      await assert.rejects(
        task.exec({ ...process, args: ['no-such-program'] }, { terminal: false, stdin: false }),
        refusal('COMMAND_NOT_FOUND'),
      )
      await task.delete()
      await fixture.undo(bundle)
    })

    test('a program that is not there is refused, and nothing is left', async () => {
      await using fixture = await make()
      const run = async (): Promise<void> => {
        const { task } = await create(fixture, ['no-such-program'])
        await task.start()
      }
      await assert.rejects(run(), refusal('COMMAND_NOT_FOUND'))
    })

    test('is found again by another that takes over', async () => {
      await using fixture = await make()
      const { bundle, task } = await create(fixture, ['sleep', '1000'])
      await task.start()
      const other = fixture.reopen()
      const again = await other.open(bundle.id)
      assert.equal(again?.pid, task.pid)
      await again?.kill(9)
      assert.equal((await again?.wait())?.exitCode, 137)
      await again?.delete()
      assert.equal(await other.open(bundle.id), undefined)
      assert.equal(await other.open('nothing'), undefined)
      other.close()
      await fixture.undo(bundle)
    })
  })
}
