import type { ExecTask, Task } from '@gantry/runtime'
import type { Context } from '../context.ts'
import type { HealthCheck, HealthResult } from '../container/health.ts'
import type { ContainerRecord } from '../container/record.ts'
import { execProcess } from '../exec/exec-process.ts'

const longestOutput = 4096

/** Runs a container's health check once. Never throws: what cannot be run has failed. */
export async function probeHealth(
  context: Context,
  record: ContainerRecord,
  { task, check }: { task: Task; check: HealthCheck },
): Promise<HealthResult> {
  const { clock } = context
  const start = clock.now()
  try {
    const process = execProcess(context, record, { args: commandOf(record, check) })
    const exec = await task.exec(process, { terminal: false, stdin: false })
    const found = await outcome(context, exec, check)
    return { start, end: clock.now(), ...found }
  } catch (error) {
    return { start, end: clock.now(), exitCode: -1, output: error instanceof Error ? error.message : String(error) }
  }
}

function commandOf({ spec }: ContainerRecord, { test: [kind, ...words] }: HealthCheck): readonly string[] {
  return kind === 'CMD' ? words : [...(spec.shell ?? ['/bin/sh', '-c']), words.join(' ')]
}

async function outcome(
  { clock }: Context,
  exec: ExecTask,
  { timeout }: HealthCheck,
): Promise<{ exitCode: number; output: string }> {
  const ended = new AbortController()
  const text = reading(exec)
  const late = clock.sleep(timeout, ended.signal).then(
    () => true,
    () => false,
  )
  try {
    const isLate = await Promise.race([late, text.all.then(() => false)])
    if (!isLate) return { exitCode: (await exec.wait()).exitCode, output: text.soFar() }
    await exec.kill('SIGKILL').catch(() => undefined)
    return { exitCode: -1, output: `Health check exceeded timeout (${timeout / 1000}s): ${text.soFar()}` }
  } finally {
    ended.abort()
    exec.close()
  }
}

/** Reads all output, and keeps its beginning. */
function reading({ output }: ExecTask): { all: Promise<void>; soFar: () => string } {
  const chunks: Uint8Array[] = []
  let size = 0
  const all = async (): Promise<void> => {
    for await (const { data } of output) {
      if (size < longestOutput) chunks.push(data.subarray(0, longestOutput - size))
      size += data.length
    }
  }
  const done = all()
  done.catch(() => undefined)
  return { all: done, soFar: () => Buffer.concat(chunks).toString() }
}
