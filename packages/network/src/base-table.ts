import { setTimeout as sleep } from 'node:timers/promises'
import { LedgerError, nftTable, type Ledger } from '@gantry/linux'
import { ProcessError, runStatus } from '@gantry/process'
import { editionChain, tableFamily, tableName, tableRules } from './firewall-rules.ts'
import { forwarding, isForwarding } from './forwarding.ts'
import { forwarding6, hasIpv6, isForwarding6 } from './forwarding6.ts'
import type { NetworkRows } from './network-rows.ts'

/** The owner of what all networks of an instance share. */
export const baseOwner = 'host/network'

/** The one nftables table of an instance. */
export class BaseTable {
  readonly name: string
  readonly #ledger: Ledger
  readonly #rows: NetworkRows
  #made: Promise<void> | undefined

  constructor(parts: { readonly instance: string; readonly ledger: Ledger; readonly rows: NetworkRows }) {
    this.name = tableName(parts.instance)
    this.#ledger = parts.ledger
    this.#rows = parts.rows
  }

  /** Makes the table if it is not there. The kernel is asked once in a process's life; {@link rebuild} is for one that was flushed later. */
  async ensure(): Promise<void> {
    this.#made ??= this.#ensure().catch((error: unknown) => {
      this.#made = undefined
      throw error
    })
    await this.#made
    // Another Gantry, or a person, may have put it back.
    const missing = [
      ...(isForwarding() ? [] : [forwarding()]),
      ...(this.#needsSix() && !isForwarding6() ? [forwarding6()] : []),
    ]
    if (missing.length === 0) return
    await this.#ledger.apply(baseOwner, missing)
    this.#ledger.settle(baseOwner)
  }

  /** Makes the table anew with all that the database says, in one transaction. */
  async rebuild(): Promise<void> {
    await this.#ledger.undo(baseOwner)
    await this.#make()
  }

  async #ensure(): Promise<void> {
    // Another process of this instance may be making it this moment: then it is there soon.
    for (let round = 0; round < 100; round++) {
      if (await this.#isThere()) return
      try {
        await this.rebuild()
        return
      } catch (error) {
        if (!(error instanceof LedgerError) || error.code !== 'OWNER_BUSY') throw error
      }
      await sleep(20)
    }
    await this.rebuild()
  }

  async #isThere(): Promise<boolean> {
    const result = await runStatus('nft', ['list', 'chain', tableFamily, this.name, editionChain])
    return result.code === 0 && this.#ledger.owners(baseOwner).some(({ state }) => state === 'settled')
  }

  async #make(): Promise<void> {
    const rules = tableRules(this.#rows.networks(), this.#rows.endpoints())
    await this.#ledger.apply(baseOwner, [
      forwarding(),
      ...(this.#needsSix() ? [forwarding6()] : []),
      nftTable(
        { family: tableFamily, table: this.name, rules },
        'published ports, addresses of leaving packets, separation of networks',
      ),
    ])
    this.#ledger.settle(baseOwner)
  }

  #needsSix(): boolean {
    return hasIpv6() && this.#rows.networks().some(({ subnet6 }) => subnet6 !== undefined)
  }

  /** Does the work, and once more after making the table anew if somebody has flushed it. */
  async orRebuilt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isTableMissing(error)) throw error
      await this.rebuild()
      return work()
    }
  }
}

function isTableMissing(error: unknown): boolean {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if (!(each instanceof ProcessError) || !each.command.endsWith('nft')) continue
    if (each.stderr.includes('No such file or directory')) return true
  }
  return false
}
