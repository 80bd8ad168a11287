import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The text of a small kernel file; undefined when it is not there. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return undefined
  }
}

/** A file with one number; `max` and absence are undefined. */
export async function readNumber(path: string): Promise<number | undefined> {
  const text = await readText(path)
  if (text === undefined) return undefined
  const value = Number.parseInt(text, 10)
  return Number.isNaN(value) ? undefined : value
}

/** Lines of `name number`, as a record. */
export function parseTable(text: string): Record<string, number> {
  const table: Record<string, number> = {}
  for (const line of text.split('\n')) {
    const at = line.indexOf(' ')
    if (at > 0) table[line.slice(0, at)] = Number(line.slice(at + 1))
  }
  return table
}

/** One number of such lines; 0 when it is not there. */
export function numberIn(text: string, name: string): number {
  return parseTable(text)[name] ?? 0
}

/** Numbers, one a line, of a file in a directory and in all directories below. */
export async function readNumbers(directory: string, name: string): Promise<number[]> {
  const text = (await readText(join(directory, name))) ?? ''
  const own = text.split('\n').filter(Boolean).map(Number)
  const below = await readdir(directory, { withFileTypes: true }).catch(() => [])
  for (const entry of below) {
    if (entry.isDirectory()) own.push(...(await readNumbers(join(directory, entry.name), name)))
  }
  return own
}
