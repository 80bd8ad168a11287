import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { existsSync } from 'node:fs'
import { notFound, locate } from './which.ts'
import { ProcessError } from './process-error.ts'

/** How a long-lived program is started. */
export interface StartOptions {
  /** As in `node:child_process`; descriptors beyond the third are inherited by the child under their index. Default: none. */
  readonly stdio?: StdioOptions
  /** The child gets its own session, and this process does not wait for it. Default: false. */
  readonly detached?: boolean
  /** The whole environment. Default: this process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** Kills the child with SIGKILL. */
  readonly signal?: AbortSignal
}

/** How a program ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/**
 * Starts a program and returns at once, without a shell. The caller owns the child: it closes the pipes and waits
 * with {@link exitOf}. A detached child is unreferenced.
 * @throws ProcessError NOT_FOUND, SPAWN (no process, no memory, no such directory)
 */
export function start(command: string, args: readonly string[], options: StartOptions = {}): ChildProcess {
  const path = locate(command)
  let child: ChildProcess
  try {
    child = spawn(path, args, {
      stdio: options.stdio ?? 'ignore',
      detached: options.detached ?? false,
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.signal === undefined ? {} : { signal: options.signal, killSignal: 'SIGKILL' as const }),
    })
  } catch (error) {
    throw spawnFailed(command, args, error)
  }
  // Without a listener an 'error' event ends this process; exitOf reports it.
  child.on('error', ignore)
  if (options.detached === true) child.unref()
  return child
}

/** Waits until a child has ended and its pipes are closed. @throws ProcessError NOT_FOUND or SPAWN when it never ran */
export function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve, reject) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve({ code: child.exitCode, signal: child.signalCode })
      return
    }
    child.once('error', (error) => {
      if (child.pid === undefined) reject(spawnFailed(child.spawnfile, child.spawnargs, error))
    })
    child.once('close', (code, signal) => {
      resolve({ code, signal })
    })
  })
}

/** The error for a program that is there but could not be started. */
export function spawnFailed(command: string, args: readonly string[], error: unknown): ProcessError {
  const cause = error as NodeJS.ErrnoException
  if (cause.code === 'ENOENT' && !existsSync(command)) return notFound(command, error)
  const message = `Cannot start "${command}": ${cause.code ?? cause.message} (is the working directory there, and is a process slot free?)`
  return new ProcessError('SPAWN', message, { command, args, cause: error })
}

function ignore(): void {
  // reported by exitOf
}
