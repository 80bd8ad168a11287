import type { Context } from '../context.ts'
import { EngineError } from '../engine-error.ts'

/** Sets the size of a container's terminal. @throws EngineError CONTAINER_UNKNOWN, CONTAINER_NOT_RUNNING */
export async function resize(
  context: Context,
  reference: string,
  { height, width }: { height: number; width: number },
): Promise<void> {
  const { id } = context.containers.find(reference)
  const { task } = context.live.of(id)
  if (task === undefined) throw new EngineError('CONTAINER_NOT_RUNNING', `Container ${id} is not running`)
  await task.resize(height, width)
}
