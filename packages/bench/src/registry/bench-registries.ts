import { mkdir, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { which } from '@gantry/process'
import { BenchError } from '../bench-error.ts'
import type { Options } from '../options.ts'
import { writeResults } from '../results-file.ts'
import { measureCase, type MeasuredCase } from './measure-registries.ts'
import { registryCases } from './registry-cases.ts'
import { formatRegistryTable, summarize } from './registry-report.ts'
import { dockerRegistry, gantryRegistry } from './registry-servers.ts'

/** Measures `gantry registry serve` beside docker-registry, and prints the table. @throws BenchError PEER_FAILED */
export async function benchRegistries(
  options: Options,
  onRound: (title: string, round: number) => void,
): Promise<void> {
  const missing = which('docker-registry') === undefined
  if (missing) throw new BenchError('PEER_FAILED', 'Cannot compare: docker-registry is not installed')
  const work = resolve(options.work, 'registries')
  await mkdir(work, { recursive: true })
  const gantry = gantryRegistry({ source: options.source })
  const rounds = options.quick ? 3 : Math.max(3, Math.ceil(options.runs / 3))
  const measured: MeasuredCase[] = []
  try {
    for (const one of registryCases({ quick: options.quick })) {
      if (options.match !== undefined && !one.title.includes(options.match)) continue
      const sides = [gantry, dockerRegistry]
      measured.push(await measureCase(one, { sides, upstream: dockerRegistry, work, rounds, onRound }))
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  onRound('', 0)
  const note = options.quick ? '; quick: without a goal a tenth of the bytes and requests' : ''
  process.stdout.write(`${formatRegistryTable(measured)}gantry runs its ${gantry.runs}; ${rounds} rounds${note}\n`)
  const cases = measured.map((one) => ({
    ...one,
    summaries: Object.fromEntries(Object.entries(one.rounds).map(([name, each]) => [name, summarize(each)])),
  }))
  await writeResults(options, 'registry-', { gantry: gantry.runs, quick: options.quick, cases })
}
