import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, release } from 'node:os'
import { dirname, join } from 'node:path'
import type { Options } from './options.ts'

/** Writes what was measured as JSON, with the time and the machine, and says where. @returns the path without `.json` */
export async function writeResults(options: Options, kind: string, results: object): Promise<string> {
  const time = new Date().toISOString()
  const path = options.json ?? join('bench-results', `${kind}${time.replaceAll(/[:.]/g, '-')}.json`)
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.version }
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${JSON.stringify({ time, machine, ...results }, undefined, 2)}\n`)
  process.stdout.write(`samples in ${path}\n`)
  return path.replace(/\.json$/, '')
}
