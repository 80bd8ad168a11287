import { dirname } from 'node:path'
import { runStatus } from '@gantry/process'
import { RuntimeError } from '../runtime-error.ts'
import { errorsOf } from './criu-log.ts'

/** CRIU, which writes running processes to files and makes them again: what the OCI runtime starts for checkpoints. */
export class Criu {
  readonly #path: string | undefined
  #works = false

  constructor(path: string | undefined) {
    this.#path = path
  }

  /** Whether there is one; it may be of no use here. */
  get installed(): boolean {
    return this.#path !== undefined
  }

  /**
   * Answers with a search path on which the runtime finds this CRIU first. Asks CRIU itself whether it can work with this kernel,
   * until it says yes. @throws RuntimeError CRIU_MISSING with what it said
   */
  async searchPath(tried: string, rest: string): Promise<string> {
    const path = this.#path
    if (path === undefined) {
      throw new RuntimeError('CRIU_MISSING', `${tried}: "criu" is not installed`, {
        subject: 'criu',
        hint: 'install the package "criu", 4.0 or newer',
      })
    }
    if (!this.#works) await check(path, tried)
    this.#works = true
    return `${dirname(path)}:${rest}`
  }
}

async function check(path: string, tried: string): Promise<void> {
  const { code, stdout, stderr } = await runStatus(path, ['check'], { timeout: 30_000 })
  if (code === 0) return
  const said = errorsOf(`${stdout}\n${stderr}`)
  throw new RuntimeError('CRIU_MISSING', `${tried}: "${path} check" says that it cannot work here: ${said}`, {
    subject: path,
    hint: 'a newer criu (4.0 or later) may know this kernel',
  })
}
