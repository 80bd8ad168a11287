import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { spawning, type Ledger } from '@gantry/linux'
import { start, workerUrl } from '@gantry/process'
import { parseFailures, type FailedForward, type Forward } from './forward-list.ts'

/** The owner of the forwarding process in the ledger. */
export const forwarderOwner = 'host/ports'

const patience = 10_000

/**
 * The process that passes on what comes to ports published by proxy: one for all containers of an instance, started with the first such
 * port and ended with the last. It is not our child and outlives the daemon; when it dies while a daemon is there, it is started again.
 */
export class PortForwarder {
  readonly #socket: string
  readonly #ledger: Ledger
  readonly #wanted: () => readonly Forward[]
  #connection: Socket | undefined
  #working: Promise<unknown> = Promise.resolve()

  /** @param parts.wanted all ports that are to be passed on at the moment */
  constructor(parts: { readonly run: string; readonly ledger: Ledger; readonly wanted: () => readonly Forward[] }) {
    this.#socket = join(parts.run, 'ports.sock')
    this.#ledger = parts.ledger
    this.#wanted = parts.wanted
  }

  /** Whether the process runs, as far as this process knows. */
  get isThere(): boolean {
    return this.#connection?.writable === true
  }

  /** Makes what is wanted hold, and answers with the ports that another program has. */
  update(): Promise<readonly FailedForward[]> {
    const next = this.#working.then(() => this.#update())
    this.#working = next.catch(() => undefined)
    return next
  }

  async #update(): Promise<readonly FailedForward[]> {
    const wanted = this.#wanted()
    if (wanted.length === 0) {
      this.#forget()
      await this.#ledger.undo(forwarderOwner)
      return []
    }
    const connection = await this.#connected()
    connection.write(`${JSON.stringify(wanted)}\n`)
    connection.ref()
    try {
      const line = await answer(connection)
      return parseFailures(line)
    } finally {
      connection.unref()
    }
  }

  async #connected(): Promise<Socket> {
    if (this.#connection?.writable === true) return this.#connection
    let connection = await tryConnect(this.#socket)
    if (connection === undefined) {
      await this.#start()
      const until = performance.now() + patience
      while (connection === undefined) {
        if (performance.now() > until)
          throw new Error(`The process for published ports does not answer at ${this.#socket}`)
        await sleep(5)
        connection = await tryConnect(this.#socket)
      }
    }
    this.#connection = connection
    connection.once('close', () => {
      if (this.#connection !== connection) return
      this.#connection = undefined
      // It ended, and nobody wanted it to.
      void this.update().catch(() => undefined)
    })
    return connection
  }

  async #start(): Promise<void> {
    await this.#ledger.undo(forwarderOwner)
    const program = fileURLToPath(workerUrl('port-forwarder-worker', import.meta.url))
    const command = ['--max-old-space-size=64', '--max-semi-space-size=1', program, this.#socket]
    await this.#ledger.apply(forwarderOwner, [
      spawning(
        { what: 'the forwarder of published ports', command: [process.execPath, ...command], match: this.#socket },
        "published ports respect the host's own firewall, and ::1 leads to containers",
        async () => {
          const child = start(process.execPath, command, { detached: true, cwd: '/' })
          await once(child, 'spawn')
          return child.pid ?? 0
        },
      ),
    ])
    this.#ledger.settle(forwarderOwner)
  }

  #forget(): void {
    const connection = this.#connection
    this.#connection = undefined
    connection?.destroy()
  }
}

async function tryConnect(path: string): Promise<Socket | undefined> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
  } catch {
    return undefined
  }
  socket.on('error', () => undefined)
  socket.unref()
  return socket
}

async function answer(connection: Socket): Promise<string> {
  const lines = createInterface({ input: connection })
  try {
    const stop = AbortSignal.timeout(patience)
    const ended = once(connection, 'close', { signal: stop }).then(() => undefined)
    const line = await Promise.race([once(lines, 'line', { signal: stop }).then(([text]) => String(text)), ended])
    if (line === undefined) throw new Error('The process for published ports ended')
    return line
  } finally {
    lines.close()
  }
}
