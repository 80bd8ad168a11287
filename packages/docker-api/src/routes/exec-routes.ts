import type { ExecInspect, OutputChunk } from '@gantry/client'
import type { AttachedStream, Engine, ExecRequest } from '@gantry/engine'
import { failureOf } from '../http/error-status.ts'
import { empty, json, type ApiRequest, type Reply } from '../http/message.ts'
import { integer } from '../http/parameters.ts'
import type { Route } from '../http/router.ts'
import type { DockerApiParts } from '../parts.ts'
import { defined, Fields } from '../translate/fields.ts'
import { attachReply } from './attach-stream.ts'

/** Further processes of containers. */
export function execRoutes({ engine }: DockerApiParts): readonly Route[] {
  return [
    ['POST', /^\/containers\/([^/]+)\/exec$/, (request, id = '') => create(engine, request, id)],
    ['POST', /^\/exec\/([^/]+)\/start$/, (request, id = '') => start(engine, request, id)],
    ['POST', /^\/exec\/([^/]+)\/resize$/, (request, id = '') => resize(engine, request, id)],
    ['GET', /^\/exec\/([^/]+)\/json$/, (_, id = '') => json(inspect(engine, id))],
  ]
}

async function create(engine: Engine, request: ApiRequest, id: string): Promise<Reply> {
  const body = new Fields(await request.json())
  const exec: ExecRequest = {
    args: body.texts('Cmd') ?? [],
    stdin: body.flag('AttachStdin') ?? false,
    stdout: body.flag('AttachStdout') ?? false,
    stderr: body.flag('AttachStderr') ?? false,
    ...defined({
      env: body.texts('Env'),
      user: body.text('User'),
      workingDirectory: body.text('WorkingDir'),
      terminal: body.flag('Tty'),
      privileged: body.flag('Privileged'),
      detachKeys: body.text('DetachKeys'),
    }),
  }
  return json({ Id: engine.createExec(id, exec) }, 201)
}

async function start(engine: Engine, request: ApiRequest, id: string): Promise<Reply> {
  const body = new Fields(await request.json())
  const detached = body.flag('Detach') ?? false
  const size = body.raw('ConsoleSize') as number[] | undefined
  const options = {
    detached,
    ...(size?.[0] && size[1] ? { size: { height: size[0], width: size[1] } } : {}),
  }
  let stream: AttachedStream
  try {
    stream = await engine.startExec(id, options)
  } catch (error) {
    if (detached || !isCommandFailure(error)) throw error
    stream = failedStream(engine, id, failureOf(error).message)
  }
  if (detached) {
    void drain(stream.output)
    return empty(200)
  }
  return attachReply(stream, { version: request.version, detachKeys: engine.inspectExec(id).request.detachKeys })
}

/** A command that cannot be run is told in the stream, as Docker does: clients take the exit code from the process's inspection. */
function isCommandFailure(error: unknown): boolean {
  const { code } = failureOf(error)
  return code === 'COMMAND_NOT_FOUND' || code === 'COMMAND_NOT_EXECUTABLE'
}

function failedStream(engine: Engine, id: string, message: string): AttachedStream {
  async function* output(): AsyncGenerator<OutputChunk, void, undefined> {
    yield { stream: 'stdout', data: Buffer.from(`${message}\r\n`) }
  }
  return {
    terminal: engine.inspectExec(id).request.terminal ?? false,
    output: output(),
    write: () => Promise.resolve(),
    end: () => undefined,
    close: () => undefined,
  }
}

async function drain(output: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const chunk of output) void chunk
  } catch {
    // Nobody reads it.
  }
}

async function resize(engine: Engine, { query }: ApiRequest, id: string): Promise<Reply> {
  await engine.resizeExec(id, { height: integer(query, 'h') ?? 0, width: integer(query, 'w') ?? 0 })
  return empty(200)
}

function inspect(engine: Engine, id: string): ExecInspect {
  const exec = engine.inspectExec(id)
  const { request } = exec
  return {
    ID: exec.id,
    Running: exec.running,
    ExitCode: exec.exitCode ?? null,
    ProcessConfig: {
      tty: request.terminal ?? false,
      entrypoint: request.args[0] ?? '',
      arguments: request.args.slice(1),
      privileged: request.privileged ?? false,
      ...(request.user === undefined ? {} : { user: request.user }),
    },
    OpenStdin: request.stdin ?? false,
    OpenStderr: request.stderr ?? false,
    OpenStdout: request.stdout ?? false,
    CanRemove: false,
    ContainerID: exec.container,
    DetachKeys: request.detachKeys ?? '',
    Pid: exec.pid,
  }
}
