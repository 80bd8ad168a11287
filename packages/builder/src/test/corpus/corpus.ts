import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CorpusCase, parseCases } from './parse-cases.ts'

/** The cases that are written in one file. */
export interface CorpusFile {
  /** Its name without `.txt`. */
  readonly name: string
  readonly cases: readonly CorpusCase[]
}

/** Reads the whole corpus. Names are unique in it. */
export function readCorpus(): readonly CorpusFile[] {
  const directory = join(import.meta.dirname, 'cases')
  const files = readdirSync(directory)
    .toSorted()
    .map((file) => ({
      name: file.replace(/\.txt$/, ''),
      cases: parseCases(readFileSync(join(directory, file), 'utf8'), file),
    }))
  const names = files.flatMap(({ cases }) => cases.map(({ name }) => name))
  const twice = names.filter((name, at) => names.indexOf(name) !== at)
  if (twice.length > 0) throw new TypeError(`the corpus has cases of one name: ${twice.join(', ')}`)
  return files
}
