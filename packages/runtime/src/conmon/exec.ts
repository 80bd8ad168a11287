import { mkdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { processStartTime } from '@gantry/linux'
import { classifyRuntimeError } from '../oci/classify-error.ts'
import type { OciProgram } from '../oci/oci-command.ts'
import { RuntimeError } from '../runtime-error.ts'
import type { ProcessSpec } from '../spec/runtime-spec.ts'
import type { Attachment, ExecStdio, ExecTask } from '../task.ts'
import { attachTo } from './attach.ts'
import { execArguments } from './conmon-arguments.ts'
import { control } from './control.ts'
import { answerInTime } from './give-up.ts'
import { signalProcess } from './signals.ts'
import { spawnMonitor, type Monitor } from './spawn-monitor.ts'

/** What runs where. */
export interface ExecRequest {
  readonly id: string
  /** Tells this one from the others of the container. */
  readonly name: string
  /** The container's directory of the run directory. */
  readonly directory: string
  readonly process: ProcessSpec
  readonly stdio: ExecStdio
}

/**
 * Runs a program in a container under a conmon of its own. conmon waits until we are attached before it calls the runtime, so no
 * byte of output is lost:
 *
 *   start pipe  →  go on      (conmon forks, makes its socket)
 *   attach pipe ←  the socket is there; we connect
 *   start pipe  →  attached   (the runtime starts the program)
 *   sync pipe   ←  the PID, or -1 and why not; at the end the exit code
 *
 * @throws RuntimeError COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, WORKING_DIRECTORY_INVALID, EXEC_FAILED
 */
export async function execIn(
  shared: { readonly program: OciProgram; readonly monitorPath: string },
  request: ExecRequest,
): Promise<ExecTask> {
  const { id, stdio } = request
  const directory = join(request.directory, 'exec', request.name)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const processSpec = join(directory, 'process.json')
  writeFileSync(processSpec, JSON.stringify({ ...request.process, terminal: stdio.terminal }))
  const clean = (): Promise<void> => rm(directory, { recursive: true, force: true }).catch(() => {})
  const tried = `Cannot run "${request.process.args.join(' ')}" in container "${id}"`
  try {
    const monitor = spawnMonitor({
      path: shared.monitorPath,
      directory,
      pipes: ['_OCI_STARTPIPE', '_OCI_ATTACHPIPE'],
      args: execArguments(shared.program, {
        id,
        directory,
        pid: join(directory, 'pid'),
        monitorPid: join(directory, 'conmon.pid'),
        processSpec,
        terminal: stdio.terminal,
        stdin: stdio.stdin,
      }),
    })
    return await begin(monitor, { id, directory, stdio, tried, clean, program: shared.program })
  } catch (error) {
    await clean()
    throw error
  }
}

interface Beginning {
  readonly id: string
  readonly directory: string
  readonly stdio: ExecStdio
  readonly tried: string
  readonly clean: () => Promise<void>
  readonly program: OciProgram
}

async function begin(monitor: Monitor, options: Beginning): Promise<ExecTask> {
  const [startPipe, attachPipe] = monitor.pipes
  startPipe?.write('1')
  await firstByte(attachPipe as unknown as NodeJS.ReadableStream)
  const ended = monitor.sync.ended()
  const attachment = attached(monitor, options, ended)
  startPipe?.end('1')
  const monitorPid = join(options.directory, 'conmon.pid')
  const waited = { program: options.program, monitor, monitorPid, tried: options.tried }
  const first = await answerInTime(monitor.sync.next(), waited).catch((error: unknown) => {
    attachment.close()
    throw error
  })
  if (first === undefined || first.data <= 0) {
    attachment.close()
    throw classifyRuntimeError(options.tried, first?.message ?? monitor.said(), 'EXEC_FAILED')
  }
  const exit = monitor.sync.next()
  if (options.stdio.detached === true) attachment.close()
  void ended.then(options.clean)
  const pid = first.data
  const startTime = processStartTime(pid) ?? ''
  return execTask(attachment, {
    pid,
    startTime,
    ...options,
    wait: async () => {
      const exitCode = (await exit)?.data
      if (exitCode === undefined) {
        throw new RuntimeError('EXEC_FAILED', `The monitor of a program in container "${options.id}" was killed`)
      }
      return { exitCode: exitCode < 0 ? 255 : exitCode }
    },
  })
}

function attached(monitor: Monitor, options: Beginning, ended: Promise<void>): Attachment {
  const { directory, id, stdio } = options
  try {
    return attachTo({ directory, id, stdin: stdio.stdin, closesInput: false, settled: () => ended })
  } catch (error) {
    throw new RuntimeError('EXEC_FAILED', `${options.tried}: ${monitor.said().trim() || 'its monitor ended'}`, {
      cause: error,
    })
  }
}

function execTask(
  attachment: Attachment,
  options: Beginning & {
    readonly pid: number
    readonly startTime: string
    readonly wait: ExecTask['wait']
  },
): ExecTask {
  const { pid, startTime, id } = options
  return {
    pid,
    output: attachment.output,
    write: (data) => attachment.write(data),
    end: () => {
      attachment.end()
    },
    close: () => {
      attachment.close()
    },
    wait: options.wait,
    async kill(signal) {
      signalProcess({ pid, startTime }, signal, `a program in container "${id}"`)
      return Promise.resolve()
    },
    async resize(height, width) {
      if (options.stdio.terminal) await control(options.directory, id, { kind: 'resize', height, width })
    },
  }
}

function firstByte(pipe: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      resolve()
    }
    pipe.once('data', done)
    pipe.once('end', done)
    pipe.once('error', done)
    pipe.once('close', done)
  })
}
