import { randomUUID } from 'node:crypto'
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProcessError, run } from '@gantry/process'
import type { Change } from '../ledger/change.ts'
import { BatchError, type Batch, type BatchChange, type Door } from '../ledger/door.ts'
import { shellWords } from './shell-quote.ts'
import { textOf } from '../ledger/text-of.ts'

/** The families of nftables. */
export type NftFamily = 'ip' | 'ip6' | 'inet' | 'bridge' | 'netdev'

/** Arguments of {@link nftTable}. */
export type NftTableArgs = {
  readonly family: NftFamily
  readonly table: string
  /** The text inside `table FAMILY NAME { … }`: maps, sets and chains. */
  readonly rules: string
}

/** A table of nftables with everything in it. An existing table of that name is replaced, in one transaction. */
export function nftTable(args: NftTableArgs, why: string): Change<NftTableArgs> {
  return { kind: 'nft-table', args, why }
}

/** Arguments of {@link nftElement}. */
export type NftElementArgs = {
  readonly family: NftFamily
  readonly table: string
  /** The set or map. */
  readonly map: string
  /** As nft writes it: `tcp . 8080`. */
  readonly key: string
  /** For maps: `10.88.0.2 . 80`. */
  readonly value?: string
}

/** An element of a set or map. Undo removes it only while it has our value. */
export function nftElement(args: NftElementArgs, why: string): Change<NftElementArgs> {
  return { kind: 'nft-element', args, why }
}

// All consecutive changes are one transaction of the kernel: either everything is there or nothing.
const nftBatch: Batch = {
  // The kernel waits 10 to 20 ms until no packet uses what is removed.
  independent: true,
  apply: async (changes, signal) => {
    try {
      await nft(changes.map(additionOf).join(''), signal)
    } catch (error) {
      const line = error instanceof ProcessError ? /(?:stdin|^-):(\d+):/m.exec(error.stderr)?.[1] : undefined
      const index = line === undefined ? 0 : changeAtLine(changes, Number(line))
      throw new BatchError('nft refused the transaction', {
        index,
        untouched: changes.map((_, each) => each),
        cause: error,
      })
    }
    return changes.map(() => undefined)
  },
  undo: async (changes) => {
    const tables = new Set(changes.filter((change) => change.kind === 'nft-table').map(tableOf))
    // The elements of a table that goes go with it.
    const parts = changes.filter((change) => change.kind === 'nft-table' || !tables.has(tableOf(change))).map(removalOf)
    if (parts.length === 0) return
    try {
      await nft(parts.join(''))
    } catch {
      for (const part of parts) await removeOne(part)
    }
  },
}

/** The door of {@link nftTable}. */
export const nftTableDoor: Door<NftTableArgs> = {
  kind: 'nft-table',
  batch: nftBatch,
  describe: ({ family, table, rules }) => ({
    sentence: `Make the firewall table ${family} ${table}`,
    command: `nft -f - <<'END'\ntable ${family} ${table} {\n${rules.trim()}\n}\nEND`,
    undo: shellWords('nft', 'delete', 'table', family, table),
  }),
  apply: unbatched,
  undo: unbatched,
}

/** The door of {@link nftElement}. */
export const nftElementDoor: Door<NftElementArgs> = {
  kind: 'nft-element',
  batch: nftBatch,
  describe: ({ family, table, map, key, value }) => ({
    sentence:
      value === undefined
        ? `Add ${key} to the firewall set ${map}`
        : `Add ${key} → ${value} to the firewall map ${map}`,
    command: `nft add element ${family} ${table} ${map} '{ ${key}${value === undefined ? '' : ` : ${value}`} }'`,
    undo: `nft delete element ${family} ${table} ${map} '{ ${key} }'`,
  }),
  observe: (args) => {
    for (const word of [args.family, args.table, args.map, args.key, args.value ?? '']) {
      if (!/^(?:[\w.:/ -]|"[\w.@-]+")*$/.test(word))
        throw new RangeError(`"${word}" cannot stand in an element of nftables`)
    }
    return undefined
  },
  apply: unbatched,
  undo: unbatched,
}

async function unbatched(): Promise<never> {
  throw new Error('changes of nftables are made in batches')
}

// nft before 1.0 opens /dev/stdin, which cannot be done with the sockets that Node makes for pipes.
async function nft(script: string, signal?: AbortSignal): Promise<void> {
  const path = join(tmpdir(), `gantry-nft-${randomUUID()}`)
  const file = openSync(path, 'wx+', 0o600)
  try {
    unlinkSync(path)
    // At a position: where the next one reads stays at the beginning.
    writeSync(file, Buffer.from(script), 0, undefined, 0)
    await run('nft', ['-f', '-'], { inputFile: file, ...(signal === undefined ? {} : { signal }) })
  } finally {
    closeSync(file)
  }
}

function additionOf({ kind, args }: BatchChange): string {
  const head = `${textOf(args, 'family')?.trim() ?? ''} ${textOf(args, 'table')?.trim() ?? ''}`
  if (kind === 'nft-table') {
    return `table ${head} {}\ndelete table ${head}\ntable ${head} {\n${textOf(args, 'rules')?.trim() ?? ''}\n}\n`
  }
  return `add element ${elementOf(args)}\n`
}

// Adding first makes deleting succeed when the thing is absent, and fail when it has another value, which is not ours.
function removalOf({ kind, args }: BatchChange): string {
  const head = `${textOf(args, 'family')?.trim() ?? ''} ${textOf(args, 'table')?.trim() ?? ''}`
  if (kind === 'nft-table') return `add table ${head}\ndelete table ${head}\n`
  return `add element ${elementOf(args)}\ndelete element ${elementOf({ ...args, value: undefined })}\n`
}

async function removeOne(script: string): Promise<void> {
  try {
    await nft(script)
  } catch (error) {
    // No such table or map; or an element with a value that somebody else has set.
    if (error instanceof ProcessError && /No such file or directory|File exists/.test(error.stderr)) return
    throw error
  }
}

function elementOf(args: BatchChange['args']): string {
  const value = textOf(args, 'value')
  const words = ['family', 'table', 'map'].map((name) => textOf(args, name) ?? '')
  return `${words.join(' ')} { ${textOf(args, 'key') ?? ''}${value === undefined ? '' : ` : ${value}`} }`
}

function tableOf({ args }: BatchChange): string {
  return `${textOf(args, 'family')?.trim() ?? ''} ${textOf(args, 'table')?.trim() ?? ''}`
}

function changeAtLine(changes: readonly BatchChange[], line: number): number {
  let last = 0
  for (const [index, change] of changes.entries()) {
    last += additionOf(change).split('\n').length - 1
    if (line <= last) return index
  }
  return 0
}
