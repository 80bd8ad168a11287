import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from '@gantry/client'
import type { Options } from '../options.ts'
import { startGantry } from '../peers/gantry.ts'
import { formatTable } from '../report.ts'
import { writeResults } from '../results-file.ts'
import type { Row } from '../row.ts'
import { measureCrowd, type ScaleResult } from './scale-crowd.ts'
import { plotCrowd } from './scale-plot.ts'

/** Measures a crowd of containers on one network, prints the table and writes a plot beside the samples. @throws BenchError */
export async function benchScale(
  options: Options,
  image: string,
  onRound: (title: string, round: number) => void,
): Promise<void> {
  const { containers, source } = options
  await using gantry = await startGantry({ root: join(options.work, 'gantry'), source, images: ['busybox'] })
  using client = createClient({ socket: gantry.socket })
  const result = await measureCrowd({ gantry, client, image, containers, onRound })
  onRound('', 0)
  process.stdout.write(`\n${formatTable(rowsOf(result, containers), [gantry])}gantry runs its ${gantry.runs}\n`)
  const path = await writeResults(options, 'scale-', { gantry: gantry.runs, containers, ...result })
  await writeFile(`${path}.svg`, plotCrowd(result))
  process.stdout.write(`plot in ${path}.svg\n`)
}

function rowsOf(result: ScaleResult, containers: number): Row[] {
  const last = result.memory.at(-1)
  const row = (title: string, unit: Row['unit'], samples: readonly number[], atMost?: number): Row => ({
    suite: `${containers} containers`,
    title,
    unit,
    samples: { gantry: samples },
    ...(atMost === undefined ? {} : { goals: [{ atMost }] }),
  })
  const mebibytes = (bytes = Number.NaN): number => bytes / 1024 / 1024
  return [
    row('create and start all', 's', [(result.started.at(-1) ?? Number.NaN) / 1000]),
    row('one fetches a page of each by name', 's', [result.asked / 1000]),
    row('list all', 'ms', result.listed, 20),
    row('daemon, asked for the list once a second, of a core', '%', [result.polled * 100], 1),
    row('daemon, idle, of a core', '%', [result.idle * 100]),
    row(
      'memory (PSS) of monitors and daemon',
      'MiB',
      [mebibytes((last?.monitors ?? NaN) + (last?.daemon ?? NaN))],
      1536,
    ),
    row('… of the daemon alone', 'MiB', [mebibytes(last?.daemon)]),
    row('stop all', 's', [result.stopped / 1000]),
    row('remove all', 's', [result.removed / 1000]),
  ]
}
