import type { Context } from '../context.ts'
import { newId } from '../container/identity.ts'
import type { ContainerRecord } from '../container/record.ts'
import { EngineError } from '../engine-error.ts'
import { containerEvent } from '../events/container-event.ts'
import type { ExecRecord, ExecRequest } from '../exec/exec-table.ts'
import { execProcess } from '../exec/exec-process.ts'
import type { AttachedStream } from './attach.ts'

/** Prepares a further process in a running container; returns its id.
 * @throws EngineError CONTAINER_UNKNOWN, CONTAINER_NOT_RUNNING, CONTAINER_PAUSED, SPEC_INVALID */
export function createExec(context: Context, reference: string, request: ExecRequest): string {
  const record = running(context, reference)
  if (request.args.length === 0) throw new EngineError('SPEC_INVALID', 'No exec command specified')
  const id = newId()
  context.execs.add({
    id,
    container: record.id,
    request,
    started: false,
    running: false,
    pid: 0,
    exitCode: undefined,
    task: undefined,
  })
  context.events.emit(containerEvent(record, `exec_create: ${request.args.join(' ')}`, { execID: id }))
  return id
}

/** The process of an id, while it runs and for some minutes after. @throws EngineError EXEC_UNKNOWN */
export function inspectExec(context: Context, id: string): Readonly<ExecRecord> {
  return context.execs.find(id)
}

/** Runs a prepared process. Its output is complete, and its exit code noted, when `output` ends. A detached one has no output.
 * @throws EngineError EXEC_UNKNOWN, EXEC_STARTED, CONTAINER_NOT_RUNNING, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, USER_UNKNOWN */
export async function startExec(
  context: Context,
  id: string,
  { detached = false, size }: { detached?: boolean; size?: { height: number; width: number } } = {},
): Promise<AttachedStream> {
  const exec = context.execs.find(id)
  const { request } = exec
  if (exec.started) throw new EngineError('EXEC_STARTED', `exec instance ${id} has already been started`)
  const record = running(context, exec.container)
  const { task } = context.live.of(record.id)
  if (task === undefined) throw new EngineError('CONTAINER_NOT_RUNNING', `container ${record.id} is not running`)
  exec.started = true
  const terminal = request.terminal ?? false
  try {
    const process = execProcess(context, record, request)
    exec.task = await task.exec(
      { ...process, ...(terminal && size !== undefined ? { consoleSize: size } : {}) },
      { terminal, stdin: request.stdin ?? false, detached },
    )
  } catch (error) {
    context.execs.ended(exec, exitCodeOf(error))
    throw execFailure(error, request)
  }
  exec.running = true
  exec.pid = exec.task.pid
  context.events.emit(containerEvent(record, `exec_start: ${request.args.join(' ')}`, { execID: id }))
  const ended = watch(context, exec, record)
  return stream(exec, ended)
}

/** Sets the size of a process's terminal; before it runs nothing happens. @throws EngineError EXEC_UNKNOWN */
export async function resizeExec(
  context: Context,
  id: string,
  { height, width }: { height: number; width: number },
): Promise<void> {
  await context.execs.find(id).task?.resize(height, width)
}

function running({ containers }: Context, reference: string): ContainerRecord {
  const record = containers.find(reference)
  const { id, status } = record
  if (status === 'paused')
    throw new EngineError('CONTAINER_PAUSED', `Container ${reference} is paused, unpause the container before exec`)
  if (status !== 'running') throw new EngineError('CONTAINER_NOT_RUNNING', `container ${id} is not running`)
  return record
}

async function watch(context: Context, exec: ExecRecord, record: ContainerRecord): Promise<void> {
  let exitCode = 137
  try {
    const exit = await exec.task?.wait()
    if (exit !== undefined) ({ exitCode } = exit)
  } catch (error) {
    context.log(`Cannot tell how exec ${exec.id} ended`, error)
  }
  context.execs.ended(exec, exitCode)
  context.events.emit(containerEvent(record, 'exec_die', { execID: exec.id, exitCode: String(exitCode) }))
}

function stream({ task, request }: ExecRecord, ended: Promise<void>): AttachedStream {
  if (task === undefined) throw new EngineError('EXEC_UNKNOWN', 'The exec instance has no process')
  const { stdout = true, stderr = true, stdin = false, terminal = false } = request
  const inner = task
  async function* output(): AsyncGenerator<{ stream: 'stdout' | 'stderr'; data: Uint8Array }, void, undefined> {
    for await (const chunk of inner.output) if (chunk.stream === 'stdout' ? stdout : stderr) yield chunk
    // Clients ask for the exit code as soon as the stream ends.
    await ended
  }
  return {
    terminal,
    output: output(),
    write: (data) => (stdin ? inner.write(data) : Promise.resolve()),
    end: () => {
      if (stdin) inner.end()
    },
    close: () => inner.close(),
  }
}

function exitCodeOf(error: unknown): number {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  return code === 'COMMAND_NOT_FOUND' ? 127 : code === 'COMMAND_NOT_EXECUTABLE' ? 126 : 128
}

function execFailure(error: unknown, { args }: ExecRequest): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  const text = error instanceof Error ? error.message : String(error)
  if (code === 'COMMAND_NOT_FOUND')
    return new EngineError(
      'COMMAND_NOT_FOUND',
      /executable file not found|no such file/.test(text)
        ? text
        : `${text}: exec: "${args[0] ?? ''}": executable file not found in $PATH`,
      { cause: error },
    )
  if (code === 'COMMAND_NOT_EXECUTABLE')
    return new EngineError(
      'COMMAND_NOT_EXECUTABLE',
      /permission denied|is a directory/.test(text) ? text : `${text}: permission denied`,
      { cause: error },
    )
  return error
}
