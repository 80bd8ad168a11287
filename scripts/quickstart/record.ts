import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { top } from '../source-files.ts'

/** What quickstarts have made, so that `--clean` removes that and nothing else. */
export interface Record {
  /** Names of containers in the site's own root. */
  readonly containers: readonly string[]
  /** Names of images in the site's own root. */
  readonly images: readonly string[]
  /** Whole roots. */
  readonly roots: readonly string[]
}

const path = join(top, '.gantry-quickstart.json')

/** Reads what has been made so far. */
export function readRecord(): Record {
  try {
    const read = JSON.parse(readFileSync(path, 'utf8')) as Partial<Record>
    return { containers: read.containers ?? [], images: read.images ?? [], roots: read.roots ?? [] }
  } catch {
    return { containers: [], images: [], roots: [] }
  }
}

/** Adds to what has been made; to be called before it is made, so that nothing is forgotten. */
export function remember(made: Partial<Record>): void {
  const known = readRecord()
  const join = (key: keyof Record): string[] => [...new Set([...known[key], ...(made[key] ?? [])])]
  const next = { containers: join('containers'), images: join('images'), roots: join('roots') }
  writeFileSync(path, `${JSON.stringify(next, undefined, 2)}\n`)
}

/** Forgets everything, when it has been removed. */
export function forget(): void {
  rmSync(path, { force: true })
}
