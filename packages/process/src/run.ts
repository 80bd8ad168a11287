import { spawn, type ChildProcess } from 'node:child_process'
import { ProcessError } from './process-error.ts'
import { spawnFailed, type Exit } from './start.ts'
import { locate } from './which.ts'

/** How a short-lived program is run. */
export interface RunOptions {
  /** What the program reads; without it its input is empty. */
  readonly input?: string | Uint8Array
  /** An open file that the program reads instead: for programs that open `/dev/stdin`, which a pipe of Node's, a socket, refuses. */
  readonly inputFile?: number
  readonly signal?: AbortSignal
  /** The whole environment. Default: this process's own with `LC_ALL=C`, so that messages can be read by programs. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** Milliseconds until the program is killed. Default: none. */
  readonly timeout?: number
  /** Bytes of stdout, and of stderr, until the program is killed. Default: 16 MiB. */
  readonly maxOutput?: number
}

/** What a program wrote, as UTF-8. */
export interface Output {
  readonly stdout: string
  readonly stderr: string
}

/** How a program ended and what it wrote. */
export interface RunStatus extends Output, Exit {}

/**
 * Runs a program to its end, without a shell, and returns what it wrote.
 * @throws ProcessError EXIT (with `exitCode` and `stderr`), SIGNALLED, NOT_FOUND, TIMEOUT, OUTPUT_TOO_LARGE, ABORTED, SPAWN
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Output> {
  const status = await runStatus(command, args, options)
  if (status.code === 0) return status
  const said = firstLines(status.stderr) || firstLines(status.stdout) || 'no message'
  const line = [command, ...args].join(' ')
  const shown = line.length > 200 ? `${line.slice(0, 200)}…` : line
  const context = {
    command,
    args,
    exitCode: status.code,
    signal: status.signal,
    stdout: status.stdout,
    stderr: status.stderr,
  }
  if (status.signal !== null) {
    throw new ProcessError('SIGNALLED', `"${shown}" was ended by ${status.signal}: ${said}`, context)
  }
  throw new ProcessError('EXIT', `"${shown}" failed with exit code ${String(status.code)}: ${said}`, context)
}

/** Like {@link run}, but an exit code or signal is an answer, not an error. */
export function runStatus(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunStatus> {
  return new Promise((resolve, reject) => {
    const path = locate(command)
    if (options.signal?.aborted === true) throw aborted(command, args, options.signal)
    let child: ChildProcess
    try {
      child = spawn(path, args, {
        stdio: [options.inputFile ?? (options.input === undefined ? 'ignore' : 'pipe'), 'pipe', 'pipe'],
        env: options.env === undefined ? { ...process.env, LC_ALL: 'C' } : options.env,
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      })
    } catch (error) {
      throw spawnFailed(command, args, error)
    }
    const limit = options.maxOutput ?? 16 * 1024 * 1024
    let stopped: ProcessError | undefined
    const stop = (error: ProcessError): void => {
      stopped ??= error
      child.kill('SIGKILL')
      // A grandchild may keep the pipes open: the answer does not wait for it.
      child.stdout?.destroy()
      child.stderr?.destroy()
    }
    const stdout = collect(child.stdout, limit, () => stop(tooLarge(command, args, limit)))
    const stderr = collect(child.stderr, limit, () => stop(tooLarge(command, args, limit)))
    const timer =
      options.timeout === undefined
        ? undefined
        : setTimeout(() => stop(timedOut(command, args, options.timeout ?? 0)), options.timeout)
    const onAbort = (): void => {
      if (options.signal !== undefined) stop(aborted(command, args, options.signal))
    }
    options.signal?.addEventListener('abort', onAbort, { once: true })
    const release = (): void => {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
    }
    child.once('error', (error) => {
      release()
      reject(stopped ?? spawnFailed(command, args, error))
    })
    child.once('close', (code, signal) => {
      release()
      if (stopped === undefined) resolve({ code, signal, stdout: text(stdout), stderr: text(stderr) })
      else reject(stopped)
    })
    if (child.stdin !== null) {
      // A program may end before it has read everything: EPIPE then is its own affair, seen in its exit code.
      child.stdin.on('error', () => {})
      child.stdin.end(options.input)
    }
  })
}

function collect(stream: NodeJS.ReadableStream | null, limit: number, overflow: () => void): Buffer[] {
  const chunks: Buffer[] = []
  let size = 0
  stream?.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > limit) overflow()
    else chunks.push(chunk)
  })
  return chunks
}

function text(chunks: readonly Buffer[]): string {
  const [first] = chunks
  if (first === undefined) return ''
  return (chunks.length === 1 ? first : Buffer.concat(chunks)).toString()
}

function firstLines(output: string): string {
  return output.trim().split('\n').slice(0, 4).join('; ').slice(0, 1000)
}

function timedOut(command: string, args: readonly string[], timeout: number): ProcessError {
  return new ProcessError('TIMEOUT', `"${command}" was ended: no answer within ${String(timeout)} ms`, {
    command,
    args,
  })
}

function tooLarge(command: string, args: readonly string[], limit: number): ProcessError {
  const message = `"${command}" was ended: it wrote more than the ${String(limit)} bytes that were expected at most`
  return new ProcessError('OUTPUT_TOO_LARGE', message, { command, args })
}

function aborted(command: string, args: readonly string[], signal: AbortSignal): ProcessError {
  return new ProcessError('ABORTED', `"${command}" was ended: the operation was cancelled`, {
    command,
    args,
    cause: signal.reason,
  })
}
