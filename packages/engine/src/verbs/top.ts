import { run } from '@gantry/process'
import type { Context } from '../context.ts'
import { EngineError } from '../engine-error.ts'

/** The processes of a container as `ps` on the host tells of them. `psArguments` are ps's own; `-ef` by default.
 * @throws EngineError CONTAINER_UNKNOWN, CONTAINER_NOT_RUNNING, SPEC_INVALID */
export async function top(
  context: Context,
  reference: string,
  psArguments = '-ef',
): Promise<{ titles: readonly string[]; processes: readonly (readonly string[])[] }> {
  const { id } = context.containers.find(reference)
  const { task } = context.live.of(id)
  if (task === undefined) throw new EngineError('CONTAINER_NOT_RUNNING', `container ${id} is not running`)
  const pids = new Set(await task.pids())
  const words = psArguments.split(/\s+/).filter((word) => word !== '')
  const { stdout } = await run('ps', words)
  const [head = '', ...rows] = stdout.trimEnd().split('\n')
  const titles = head.trim().split(/\s+/)
  const column = titles.indexOf('PID')
  if (column < 0) throw new EngineError('SPEC_INVALID', "Couldn't find PID field in ps output")
  const processes = rows.map((row) => fields(row, titles.length)).filter((row) => pids.has(Number(row[column])))
  return { titles, processes }
}

/** The last field is the command, and holds spaces. */
function fields(row: string, count: number): string[] {
  const words = row.trim().split(/\s+/)
  return [...words.slice(0, count - 1), words.slice(count - 1).join(' ')]
}
