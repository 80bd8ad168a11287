import { text } from 'node:stream/consumers'
import { exitOf, start } from '@gantry/process'
import { BenchError } from '../bench-error.ts'
import type { LoadJob, LoadResult } from './load-job.ts'

const program = new URL('load-generator.ts', import.meta.url).pathname

/** Runs a load generator, in a process of its own. @throws BenchError COMMAND_FAILED */
export async function runLoad(job: LoadJob): Promise<LoadResult> {
  const child = start(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: process.env,
  })
  child.stdin?.end(JSON.stringify(job))
  const [printed, { code }] = await Promise.all([child.stdout === null ? '' : text(child.stdout), exitOf(child)])
  if (code !== 0) throw new BenchError('COMMAND_FAILED', `The load generator failed against ${job.address}`)
  return JSON.parse(printed) as LoadResult
}
