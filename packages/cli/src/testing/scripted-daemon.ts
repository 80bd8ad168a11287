import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a scripted daemon does with a request; undefined answers are 404. */
export interface Script {
  answer?(request: { line: string; body: string }, response: ServerResponse): boolean
  /** A hijacked connection (attach, exec start), after the 101 was sent. `started` resolves when the container starts. */
  hijack?(line: string, socket: Socket, started: Promise<void>): void
}

/** A daemon for tests of the command line: it answers from a script and writes down what it was asked, in order. */
export interface ScriptedDaemon extends AsyncDisposable {
  readonly socket: string
  /** `POST /containers/create?name=x`, in the order they came. */
  readonly requests: string[]
  readonly bodies: Map<string, unknown>
  /** Resolves when a request that begins with the text has come. */
  asked(line: string): Promise<void>
}

/** Starts a scripted daemon on a socket in a fresh directory. */
export async function scriptedDaemon(script: Script): Promise<ScriptedDaemon> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-cli-'))
  const socket = join(directory, 'gantry.sock')
  const requests: string[] = []
  const bodies = new Map<string, unknown>()
  const waiting: { line: string; resolve: () => void }[] = []
  const { promise: started, resolve: start } = Promise.withResolvers<void>()
  const note = (line: string): void => {
    requests.push(line)
    if (line.endsWith('/start') && line.includes('/containers/')) start()
    for (const waiter of waiting) if (line.startsWith(waiter.line)) waiter.resolve()
  }
  const sockets = new Set<Socket>()
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    void textOf(request).then((body) => {
      const line = `${request.method} ${request.url}`
      if (body !== '') bodies.set(line, JSON.parse(body))
      note(line)
      if (script.answer?.({ line, body }, response) === true) return
      answerJson(response, 404, { message: `No such thing: ${line}` })
    })
  })
  server.on('connection', (connection) => {
    sockets.add(connection)
    connection.on('error', () => undefined)
  })
  server.on('upgrade', (request: IncomingMessage, connection: Socket) => {
    const line = `${request.method} ${request.url}`
    note(line)
    connection.write(
      'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    )
    script.hijack?.(line, connection, started)
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  return {
    socket,
    requests,
    bodies,
    asked: (line) =>
      new Promise((resolve) =>
        requests.some((request) => request.startsWith(line)) ? resolve() : waiting.push({ line, resolve }),
      ),
    [Symbol.asyncDispose]: async () => {
      for (const connection of sockets) connection.destroy()
      server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Answers with JSON. */
export function answerJson(response: ServerResponse, status: number, value: unknown): true {
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(value))
  return true
}

/** A frame of output, as the daemon sends it without a terminal. */
export function frame(stream: 1 | 2, text: string): Uint8Array {
  const data = Buffer.from(text)
  const head = Buffer.alloc(8)
  head.writeUInt8(stream, 0)
  head.writeUInt32BE(data.length, 4)
  return Buffer.concat([head, data])
}

/** How a run of the command ended. */
export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the real command from its sources, against a socket. `during` may act while it runs. */
export async function gantry(
  args: readonly string[],
  options: {
    socket?: string
    input?: string
    env?: Readonly<Record<string, string>>
    during?: (child: ReturnType<typeof spawn>) => Promise<void>
  } = {},
): Promise<CliResult> {
  const main = new URL('../main.ts', import.meta.url).pathname
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--', main, ...args], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      // Where scripts/setup.sh had to put a library of Node's.
      LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'],
      ...(options.socket === undefined ? {} : { GANTRY_HOST: `unix://${options.socket}` }),
      ...options.env,
    },
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (data: Buffer) => (output.stdout += data.toString()))
  child.stderr.on('data', (data: Buffer) => (output.stderr += data.toString()))
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  await options.during?.(child)
  return { code: await ended, ...output }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
