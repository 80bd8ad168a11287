import type { Socket } from 'node:net'
import { start } from '@gantry/process'
import { RuntimeError } from '../runtime-error.ts'
import { SyncPipe } from './sync-pipe.ts'

/** A conmon that was just started. */
export interface Monitor {
  readonly sync: SyncPipe
  /**
   * Resolves when conmon's first process has ended. It notes the PID of the second, which does the work, and may come to that later
   * than the second to its first message.
   */
  readonly forked: Promise<void>
  /** Pipes beyond the sync pipe, in the order asked for. */
  readonly pipes: readonly NodeJS.WritableStream[]
  /** What conmon said before it let go of its standard error, bounded. */
  said(): string
}

/** How conmon is started. */
export interface MonitorOptions {
  readonly path: string
  readonly args: readonly string[]
  /** Working directory: conmon notes a lack of memory there. */
  readonly directory: string
  /** Environment variables that take a pipe's descriptor number, in order, beginning at 4. */
  readonly pipes?: readonly string[]
  /** Descriptors that it keeps. */
  readonly preserveFds?: readonly number[]
}

const mostSaid = 16 * 1024

/**
 * Starts conmon, which forks itself away and is a child of process 1 from then on. The sync pipe is an inherited descriptor,
 * number 3. Its environment is what the runtime gets: a search path and nothing else, and time in UTC for the log.
 * @throws RuntimeError MONITOR_MISSING
 */
export function spawnMonitor(options: MonitorOptions): Monitor {
  const pipes = options.pipes ?? []
  const env: Record<string, string> = { PATH: searchPath, TZ: 'UTC', LC_ALL: 'C', _OCI_SYNCPIPE: '3' }
  for (const [index, name] of pipes.entries()) env[name] = String(4 + index)
  let child: ReturnType<typeof start>
  try {
    child = start(options.path, options.args, {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', ...pipes.map(() => 'pipe' as const), ...(options.preserveFds ?? [])],
      env,
      cwd: options.directory,
      detached: true,
    })
  } catch (error) {
    throw new RuntimeError('MONITOR_MISSING', `Cannot start the monitor "${options.path}"`, {
      cause: error,
      hint: 'install the package "conmon"',
    })
  }
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    if (said.length < mostSaid) said += chunk.toString()
  })
  // Its first process ends at once; a failure shows in the sync pipe, which then ends without a message.
  child.ref()
  const forked = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const sync = new SyncPipe(child.stdio[3] as Socket)
  for (const stream of child.stdio) stream?.on('error', () => {})
  ;(child.stderr as Socket | null)?.unref()
  return {
    sync,
    forked,
    pipes: pipes.map((_, index) => child.stdio[4 + index] as unknown as NodeJS.WritableStream),
    said: () => said,
  }
}

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
