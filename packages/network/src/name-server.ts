import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { directory, isAlive, processStartTime, spawning, type Ledger, type ProcessIdentity } from '@gantry/linux'
import { exitOf, start } from '@gantry/process'
import type { EndpointRecord, Network } from './networks.ts'

/** Answers containers' questions for names. */
export interface NameServer {
  /** Whether there is one at all. */
  readonly isThere: boolean
  /** Writes what a network's containers are called; an empty list of endpoints keeps the network listening. Synchronous, atomic. */
  write(network: Network, endpoints: readonly EndpointRecord[]): void
  /** Adds what one container is called. Costs the same however many there are. False when it has to be written whole. */
  add(network: string, endpoint: EndpointRecord): boolean
  /** Forgets what one container is called. Absence is success. Synchronous, atomic. */
  drop(network: string, endpoint: EndpointRecord): void
  /** Forgets a network. */
  forget(network: string): void
  /** Makes what was written hold: starts the server or has it read again. `fresh` restarts one that lost its addresses. */
  reload(options?: { readonly fresh?: boolean }): Promise<void>
}

/** A host without aardvark-dns: containers use the host's resolvers and do not know each other's names. */
export const noNameServer: NameServer = {
  isThere: false,
  write() {},
  add: () => true,
  drop() {},
  forget() {},
  async reload() {},
}

/** The owner of the name server in the ledger. */
export const nameServerOwner = 'host/names'

const port = '53'
const page = 4096

/**
 * aardvark-dns, one process for all networks of an instance, listening on each network's gateway. It is not our child and outlives the
 * daemon. A file a network: its listening address, then a line a container: ID, IPv4, IPv6, names. SIGHUP makes it read again.
 * https://github.com/containers/aardvark-dns/blob/v1.4.0/src/config/mod.rs
 */
export class AardvarkNameServer implements NameServer {
  readonly isThere = true
  readonly #program: string
  readonly #run: string
  readonly #directory: string
  readonly #ledger: Ledger
  #working: Promise<void> = Promise.resolve()
  #last: ProcessIdentity | undefined

  constructor(parts: { readonly program: string; readonly run: string; readonly ledger: Ledger }) {
    this.#program = parts.program
    this.#run = parts.run
    this.#directory = join(parts.run, 'dns')
    this.#ledger = parts.ledger
  }

  write(network: Network, endpoints: readonly EndpointRecord[]): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o755 })
    const listening = [network.gateway, ...(network.gateway6 === undefined ? [] : [network.gateway6])].join(',')
    this.#replace(network.name, `${listening}\n${endpoints.map(lineOf).join('')}`)
  }

  add(network: string, endpoint: EndpointRecord): boolean {
    const line = Buffer.from(lineOf(endpoint))
    // Of a line within a page, who reads meanwhile sees all or nothing.
    if (line.length > page) return false
    let file: number
    try {
      file = openSync(join(this.#directory, network), constants.O_WRONLY | constants.O_APPEND)
    } catch (error) {
      if (isAbsent(error)) return false
      throw error
    }
    try {
      return writeSync(file, line) === line.length
    } finally {
      closeSync(file)
    }
  }

  drop(network: string, endpoint: EndpointRecord): void {
    let text: string
    try {
      text = readFileSync(join(this.#directory, network), 'utf8')
    } catch (error) {
      if (isAbsent(error)) return
      throw error
    }
    // The first line is the address to listen on.
    const start = text.indexOf(`\n${endpoint.containerId} ${endpoint.ip} `) + 1
    if (start > 0) this.#replace(network, text.slice(0, start) + text.slice(text.indexOf('\n', start) + 1))
  }

  forget(network: string): void {
    rmSync(join(this.#directory, network), { force: true })
  }

  reload(options: { readonly fresh?: boolean } = {}): Promise<void> {
    const next = this.#working.then(() => this.#reload(options.fresh === true))
    this.#working = next.catch(() => {})
    return next
  }

  #replace(network: string, text: string): void {
    // Beside the directory: a half-written file in it would be read as a network.
    const temporary = join(this.#run, `dns-${network}-${String(process.pid)}.new`)
    writeFileSync(temporary, text)
    renameSync(temporary, join(this.#directory, network))
  }

  async #reload(fresh: boolean): Promise<void> {
    const running = this.#running()
    if (running !== undefined && !fresh) {
      try {
        process.kill(running.pid, 'SIGHUP')
        return
      } catch {
        // it ended just now
      }
    }
    await this.#ledger.undo(nameServerOwner)
    if (this.#isIdle()) return
    await this.#ledger.apply(nameServerOwner, [
      directory({ path: this.#directory, keepContent: true }, 'which names containers have'),
      spawning(
        {
          what: 'the name server',
          command: [this.#program, '--config', this.#directory, '-p', port, 'run'],
          match: this.#directory,
        },
        'containers find each other by name',
        () => this.#start(),
      ),
    ])
    this.#ledger.settle(nameServerOwner)
  }

  // It forks itself away, and its first process ends when the second has written its PID.
  async #start(): Promise<number> {
    rmSync(this.#pidFile(), { force: true })
    const child = start(this.#program, ['--config', this.#directory, '-p', port, 'run'], { detached: true, cwd: '/' })
    child.ref()
    await exitOf(child)
    for (let round = 0; round < 200; round++) {
      const pid = this.#running()?.pid
      if (pid !== undefined) return pid
      await sleep(5)
    }
    throw new Error(`"${this.#program}" did not start`)
  }

  #running(): ProcessIdentity | undefined {
    if (this.#last === undefined || !isAlive(this.#last)) this.#last = this.#find()
    return this.#last
  }

  #find(): ProcessIdentity | undefined {
    let pid: number
    try {
      pid = Number.parseInt(readFileSync(this.#pidFile(), 'utf8'), 10)
      // The number may be another program's by now.
      if (
        !readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8')
          .split('\0')
          .includes(this.#directory)
      )
        return undefined
    } catch {
      return undefined
    }
    const startTime = processStartTime(pid)
    const identity = startTime === undefined ? undefined : { pid, startTime }
    return identity !== undefined && isAlive(identity) ? identity : undefined
  }

  #isIdle(): boolean {
    try {
      return readdirSync(this.#directory).every((name) => name === 'aardvark.pid')
    } catch {
      return true
    }
  }

  #pidFile(): string {
    return join(this.#directory, 'aardvark.pid')
  }
}

function lineOf({ containerId, ip, ip6, names }: EndpointRecord): string {
  return `${containerId} ${ip} ${ip6 ?? ''} ${names.join(',')}\n`
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
