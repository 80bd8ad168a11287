import type { Socket } from 'node:net'
import { spawnProcess, type SpawnedProcess } from '@gantry/linux'
import { RuntimeError } from '../runtime-error.ts'
import { SyncPipe } from './sync-pipe.ts'

/** A conmon that was just started. */
export interface Monitor {
  readonly sync: SyncPipe
  /**
   * Resolves when conmon's first process has ended. It notes the PID of the second, which does the work, and may come to that later
   * than the second to its first message.
   */
  forked(): Promise<void>
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
  /** Where programs are looked for. Default: the usual places. */
  readonly searchPath?: string
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
  const env: Record<string, string> = {
    PATH: options.searchPath ?? searchPath,
    TZ: 'UTC',
    LC_ALL: 'C',
    _OCI_SYNCPIPE: '3',
  }
  for (const [index, name] of pipes.entries()) env[name] = String(4 + index)
  let child: SpawnedProcess
  try {
    child = spawnProcess({
      path: options.path,
      args: options.args,
      descriptors: [
        'ignore',
        'ignore',
        'pipe',
        'pipe',
        ...pipes.map(() => 'pipe' as const),
        ...(options.preserveFds ?? []),
      ],
      env,
      directory: options.directory,
    })
  } catch (error) {
    throw new RuntimeError('MONITOR_MISSING', `Cannot start the monitor "${options.path}"`, {
      cause: error,
      hint: 'install the package "conmon"',
    })
  }
  const stream = (index: number): Socket => child.streams.get(index) as Socket
  for (const each of child.streams.values()) each.on('error', () => {})
  let said = ''
  stream(2).on('data', (chunk: Buffer) => {
    if (said.length < mostSaid) said += chunk.toString()
  })
  stream(2).unref()
  // Its first process ends at once; a failure shows in the sync pipe, which then ends without a message.
  return {
    sync: new SyncPipe(stream(3)),
    forked: () => child.ended(),
    pipes: pipes.map((_, index) => stream(4 + index)),
    said: () => said,
  }
}

/** Where programs are looked for by the runtime. */
export const searchPath: string = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
