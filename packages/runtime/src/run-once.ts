import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import type { ChildProcess } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { cgroup, directory, isAlive, LedgerError, spawning, type Change, type Ledger } from '@gantry/linux'
import { start } from '@gantry/process'
import { groupPathOf } from './cgroup/group-path-of.ts'
import { identityFromFile } from './conmon/identity.ts'
import { classifyRuntimeError } from './oci/classify-error.ts'
import { ociCommand, type OciProgram } from './oci/oci-command.ts'
import { RuntimeError } from './runtime-error.ts'
import { checkRootfs } from './spec/check-rootfs.ts'
import type { Bundle, RunOnceOptions, TaskExit } from './task.ts'

/** What {@link runOnce} depends on. */
export interface RunOnceParts {
  readonly program: OciProgram
  readonly run: string
  readonly ledger: Ledger
  /**
   * Whether the container is to end at once when this process is killed: in a user namespace nobody outside may end the processes of
   * other ids in it later. Default: false.
   */
  readonly guarded?: boolean
}

// Reads from a pipe that this process holds: a line says that all is done, its end that this process is no more.
const guard = '(read -r _ <&3 || kill -9 "$(cat "$1")") >/dev/null 2>&1 & exec 3<&-; shift; exec "$@"'

/**
 * Runs a bundle to its end with the OCI runtime as our own child: nothing survives us, nothing is detached. Whatever happens, the
 * container, its state and its control group are gone afterwards; what the ledger was told of is left to the owner's undo, where an
 * owner is given.
 * @throws RuntimeError COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, WORKING_DIRECTORY_INVALID, MOUNT_FAILED, CREATE_FAILED, ABORTED
 */
export async function runOnce(parts: RunOnceParts, bundle: Bundle, options: RunOnceOptions = {}): Promise<TaskExit> {
  options.signal?.throwIfAborted()
  checkRootfs(bundle.spec.root.path)
  const { program } = parts
  mkdirSync(program.root, { recursive: true, mode: 0o700 })
  const pidFile = join(bundle.directory, 'pid')
  const errors = join(bundle.directory, 'runtime.log')
  for (const path of [pidFile, errors]) rmSync(path, { force: true })
  writeFileSync(join(bundle.directory, 'config.json'), JSON.stringify(bundle.spec))
  const args = [
    ...program.args,
    '--log',
    errors,
    '--log-format',
    'json',
    'run',
    '--pid-file',
    pidFile,
    '--bundle',
    bundle.directory,
    bundle.id,
  ]
  let child: ChildProcess | undefined
  const spawn = (): number => {
    const output = options.terminal === true ? 'inherit' : 'pipe'
    const input = options.stdin === undefined ? 'ignore' : 'pipe'
    const stdio: ('inherit' | 'pipe' | 'ignore')[] = [options.terminal === true ? 'inherit' : input, output, output]
    const command: readonly [string, readonly string[]] =
      parts.guarded === true ? ['/bin/sh', ['-c', guard, 'sh', pidFile, program.path, ...args]] : [program.path, args]
    child = start(...command, {
      stdio: parts.guarded === true ? [...stdio, 'pipe'] : stdio,
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      cwd: bundle.directory,
    })
    if (child.pid === undefined) throw new RuntimeError('CREATE_FAILED', `Cannot start "${program.path}"`)
    return child.pid
  }
  const owner = options.owner ?? `once/${bundle.id}`
  try {
    await parts.ledger.apply(owner, changes(program, bundle, pidFile, args, spawn)).catch((error: unknown) => {
      throw error instanceof LedgerError && error.cause instanceof RuntimeError ? error.cause : error
    })
    if (child === undefined) throw new RuntimeError('CREATE_FAILED', `Container "${bundle.id}" was not made`)
    return await finish(bundle, child, { ...options, pidFile, errors })
  } finally {
    await clean(program, bundle.id)
    // A runtime that was killed while it made the container may know nothing of the group that it has made.
    if (options.owner === undefined) await parts.ledger.undo(owner)
    for (const path of [pidFile, errors]) rmSync(path, { force: true })
  }
}

function changes(
  program: OciProgram,
  bundle: Bundle,
  match: string,
  args: readonly string[],
  spawn: () => number,
): Change[] {
  const group = bundle.spec.linux.cgroupsPath
  return [
    directory(
      { path: join(program.root, bundle.id), madeBy: program.name },
      `${program.name} keeps the container's state there`,
    ),
    ...(group === undefined
      ? []
      : [cgroup({ path: groupPathOf(group), madeBy: program.name }, 'limits and counts what the step uses')]),
    spawning(
      { what: `container ${bundle.id.slice(0, 12)}`, command: [program.path, ...args], match },
      'runs one step to its end',
      () => Promise.resolve(spawn()),
    ),
  ]
}

async function finish(
  bundle: Bundle,
  child: ChildProcess,
  options: RunOnceOptions & { readonly pidFile: string; readonly errors: string },
): Promise<TaskExit> {
  const closed = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const abort = (): void => {
    end(child, options.pidFile)
  }
  options.signal?.addEventListener('abort', abort, { once: true })
  let stderrHead = ''
  const input = feed(child, options.stdin)
  try {
    const outputs = (['stdout', 'stderr'] as const).map((stream) =>
      pump(child[stream], async (data) => {
        if (stream === 'stderr' && stderrHead.length < 8192) stderrHead += Buffer.from(data).toString()
        await options.onOutput?.({ stream, data })
      }),
    )
    const [code, signal] = await closed
    release(child)
    // A process that left the container's session may hold the pipes; with the container ended there is none.
    await Promise.all(outputs)
    await input
    options.signal?.throwIfAborted()
    if (!wasStarted(options.pidFile)) throw refused(bundle, options.errors, stderrHead)
    return { exitCode: code ?? 128 + (signal === 'SIGKILL' ? 9 : 15), oomKilled: false, at: Date.now() }
  } catch (error) {
    end(child, options.pidFile)
    await closed
    release(child)
    if (options.signal?.aborted === true) {
      throw new RuntimeError('ABORTED', `Container "${bundle.id}" was ended: the operation was cancelled`, {
        cause: options.signal.reason,
      })
    }
    throw error
  } finally {
    options.signal?.removeEventListener('abort', abort)
  }
}

/** Tells the guard that there is nothing left to end. */
function release(child: ChildProcess): void {
  const pipe = child.stdio[3] as Writable | null | undefined
  pipe?.on('error', () => undefined)
  pipe?.end('done\n')
}

function wasStarted(pidFile: string): boolean {
  try {
    return statSync(pidFile).size > 0
  } catch {
    return false
  }
}

function refused(bundle: Bundle, errors: string, stderr: string): RuntimeError {
  let said = stderr
  try {
    const lines = readFileSync(errors, 'utf8').trim().split('\n')
    const messages = lines.map((line) => JSON.parse(line) as { level?: string; msg?: string })
    said =
      messages
        .filter((entry) => entry.level !== 'warning')
        .map((entry) => entry.msg ?? '')
        .join('\n') || stderr
  } catch {
    // what it printed must do
  }
  return classifyRuntimeError(`Cannot run container "${bundle.id}"`, said, 'CREATE_FAILED')
}

/** Ends the container by its first process, so that the runtime sees it and cleans up; or the runtime, if there is none yet. */
function end(child: ChildProcess, pidFile: string): void {
  const init = identityFromFile(pidFile)
  if (init !== undefined && isAlive(init)) {
    try {
      process.kill(init.pid, 'SIGKILL')
      return
    } catch {
      // gone
    }
  }
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
}

async function clean(program: OciProgram, id: string): Promise<void> {
  if (!existsSync(join(program.root, id))) return
  await ociCommand(program, ['delete', '--force', id], {
    tried: `Cannot remove container "${id}"`,
    fallback: 'DELETE_FAILED',
  })
}

async function pump(stream: Readable | null, take: (data: Uint8Array) => Promise<void>): Promise<void> {
  if (stream === null) return
  for await (const data of stream as AsyncIterable<Uint8Array>) await take(data)
}

async function feed(child: ChildProcess, input: RunOnceOptions['stdin']): Promise<void> {
  const { stdin } = child
  if (stdin === null || input === undefined) return
  // A program may end before it has read everything; its exit code tells what it thought of that.
  stdin.on('error', () => {})
  if (input instanceof Uint8Array) {
    stdin.end(input)
    return
  }
  for await (const chunk of input) {
    if (stdin.destroyed) break
    if (!stdin.write(chunk)) await Promise.race([once(stdin, 'drain'), once(stdin, 'close')])
  }
  stdin.end()
}
