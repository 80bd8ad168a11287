import type { Digest } from '@gantry/oci'
import type { RegistryRequest } from '../exchange.ts'
import { WireError } from '../wire-error.ts'
import { requesterOf } from './requester-of.ts'
import type { Quota } from './limits-config.ts'
import type { Usage, UsageQuery } from './usage.ts'

/** What somebody is about to add. */
export interface Addition {
  readonly repository: string
  /** Known of what is mounted or finished: then it may count already. */
  readonly digest?: Digest
  /** At least. */
  readonly size: number
}

/** A place that is kept while something is added. Disposing of it gives it back: what was added counts by itself by then. */
export interface Reserved extends Disposable {
  /** How many bytes more than the addition there is room for. */
  readonly left: number
  /** What is said when more come than there is room for. */
  readonly refusal: () => WireError
}

/** Keeps what repositories and those who push hold below their quotas. */
export class Quotas {
  readonly #quotas: readonly Quota[]
  readonly #usage: Usage
  readonly #reserved = new Map<string, number>()

  constructor(quotas: readonly Quota[], usage: Usage) {
    this.#quotas = quotas
    this.#usage = usage
  }

  /**
   * Makes sure that there is room.
   *
   * @throws {WireError} DENIED
   */
  async reserve(request: RegistryRequest, addition: Addition): Promise<Reserved> {
    const { repository, digest, size } = addition
    const taken: string[] = []
    const release = (): void => {
      for (const key of taken) this.#add(key, -size)
    }
    let left = Infinity
    let refusal = (): WireError => refuse(0, 0)
    try {
      for (const [index, quota] of this.#quotas.entries()) {
        const query = queryOf(quota, request)
        if (!query.matches(repository) || (digest !== undefined && this.#usage.has(query, digest))) continue
        const key = `${index}\0${query.key}`
        const { used, room } = await this.#usage.bytes(query, (used) => {
          const room = quota.bytes - used - (this.#reserved.get(key) ?? 0) - size
          if (room < 0) throw refuse(quota.bytes, used)
          this.#add(key, size)
          taken.push(key)
          return { used, room }
        })
        if (room < left) {
          left = room
          refusal = () => refuse(quota.bytes, used)
        }
      }
    } catch (error) {
      release()
      throw error
    }
    return { left, refusal, [Symbol.dispose]: release }
  }

  #add(key: string, size: number): void {
    const sum = (this.#reserved.get(key) ?? 0) + size
    if (sum === 0) this.#reserved.delete(key)
    else this.#reserved.set(key, sum)
  }
}

function queryOf({ repositories, per }: Quota, request: RegistryRequest): UsageQuery & { readonly key: string } {
  const user = request.principal?.user
  const requester = requesterOf(request)
  return {
    matches: (repository) => repositories.some((pattern) => pattern.matches(repository, user)),
    key: `${user ?? ''}\0${per === undefined ? '' : requester}`,
    ...(per === undefined ? {} : { principal: requester }),
  }
}

function refuse(quota: number, used: number): WireError {
  return new WireError('DENIED', `the quota of ${quota} bytes is used up (${used} are used)`, {
    detail: { quota, used },
  })
}
