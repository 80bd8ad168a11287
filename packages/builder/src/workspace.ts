import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { directory, type Owner } from '@gantry/linux'
import type { BuilderPorts } from './ports.ts'

/** What one build does to the machine, under one owner of the ledger. Disposing of it takes everything back. */
export class Workspace implements AsyncDisposable {
  readonly id: string = randomBytes(6).toString('hex')
  /** Stops everything that is under way when one step has failed. */
  readonly stop: AbortController = new AbortController()
  /** Aborted when the caller wants it, or when a step has failed. */
  readonly signal: AbortSignal
  readonly #ports: Pick<BuilderPorts, 'site' | 'ledger'>
  #recovered: Promise<unknown> | undefined

  constructor(ports: Pick<BuilderPorts, 'site' | 'ledger'>, signal?: AbortSignal) {
    this.#ports = ports
    this.signal = signal === undefined ? this.stop.signal : AbortSignal.any([this.stop.signal, signal])
  }

  get owner(): Owner {
    return `build/${this.id}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#recovered !== undefined) await this.#ports.ledger.undo(this.owner)
  }

  /** Takes back what killed builds left, once, before this one changes anything on the machine. */
  prepareMachine(): Promise<unknown> {
    this.#recovered ??= this.#ports.ledger.recover()
    return this.#recovered
  }

  /** A directory for small files of one step, in memory where the run directory is; it goes with the owner. */
  stepDirectory(owner: Owner, name: string): Promise<string> {
    const path = join(this.#ports.site.run, `build-${this.id}-${name}`)
    return this.#make(owner, path, 'holds the configuration of a build step while it runs')
  }

  /** A directory on disk for what is downloaded or unpacked; it goes with the owner. */
  scratchDirectory(owner: Owner, name: string): Promise<string> {
    const path = join(this.#ports.site.root, 'tmp', `build-${this.id}-${name}`)
    return this.#make(owner, path, 'holds what a build downloads or unpacks while it needs it')
  }

  async #make(owner: Owner, path: string, why: string): Promise<string> {
    await this.prepareMachine()
    await this.#ports.ledger.apply(owner, [directory({ path, mode: 0o700 }, why)], { signal: this.signal })
    return path
  }
}
