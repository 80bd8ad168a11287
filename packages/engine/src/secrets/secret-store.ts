import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '@gantry/linux'
import type { Clock } from '../clock.ts'
import { isName } from '../container/identity.ts'
import { EngineError } from '../engine-error.ts'

/** What is told of a secret: never its value. */
export interface SecretRecord {
  readonly name: string
  /** Milliseconds since the epoch. */
  readonly created: number
  readonly labels: Readonly<Record<string, string>>
  /** Bytes. */
  readonly size: number
}

/** As much as Docker's secrets may have. */
const mostBytes = 500 * 1024

/**
 * Secrets, a directory each under `<root>/secrets` that root alone may enter. They are not encrypted: whoever is root reads them, with a
 * key beside them too. Making one is atomic.
 */
export class SecretStore {
  readonly #directory: string
  readonly #clock: Clock

  constructor({ root, clock }: { root: string; clock: Clock }) {
    this.#directory = join(root, 'secrets')
    this.#clock = clock
  }

  /** Keeps a secret. @throws EngineError SECRET_INVALID, SECRET_EXISTS */
  create(name: string, value: Uint8Array, labels: Readonly<Record<string, string>> = {}): SecretRecord {
    if (!isName(name))
      throw new EngineError(
        'SECRET_INVALID',
        `invalid secret name "${name}": only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      )
    if (value.length === 0 || value.length > mostBytes)
      throw new EngineError(
        'SECRET_INVALID',
        `secret "${name}" has ${value.length} bytes: 1 to ${mostBytes} are allowed`,
      )
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
    const made = mkdtempSync(join(this.#directory, '.new-'))
    try {
      writeFileSync(join(made, 'value'), value, { mode: 0o600, flush: true })
      writeFileSync(join(made, 'about.json'), JSON.stringify({ created: this.#clock.now(), labels }), { mode: 0o600 })
      renameSync(made, this.#path(name))
    } catch (error) {
      rmSync(made, { recursive: true, force: true })
      if (errorCode(error) === 'ENOTEMPTY' || errorCode(error) === 'EEXIST')
        throw new EngineError('SECRET_EXISTS', `secret "${name}" exists already`, {
          hint: `remove it first, or choose another name`,
        })
      throw error
    }
    return this.find(name)
  }

  /** By name. */
  all(): readonly SecretRecord[] {
    try {
      const names = readdirSync(this.#directory).filter((name) => isName(name))
      return names.toSorted().map((name) => this.find(name))
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return []
      throw error
    }
  }

  /** What is known of a secret. @throws EngineError SECRET_UNKNOWN */
  find(name: string): SecretRecord {
    const path = this.#open(name)
    const { created, labels } = JSON.parse(readFileSync(join(path, 'about.json'), 'utf8')) as {
      created: number
      labels: Record<string, string>
    }
    return { name, created, labels, size: statSync(join(path, 'value')).size }
  }

  /** The value itself: for containers that are given it, and for nothing else. @throws EngineError SECRET_UNKNOWN */
  value(name: string): Uint8Array {
    return readFileSync(join(this.#open(name), 'value'))
  }

  /** Deletes a secret. Idempotent. */
  remove(name: string): void {
    if (isName(name)) rmSync(this.#path(name), { recursive: true, force: true })
  }

  #open(name: string): string {
    const path = this.#path(name)
    if (!isName(name) || statSync(path, { throwIfNoEntry: false }) === undefined)
      throw new EngineError('SECRET_UNKNOWN', `no such secret: ${name}`, {
        hint: 'make it with "gantry secret create"',
      })
    return path
  }

  #path(name: string): string {
    return join(this.#directory, name)
  }
}
