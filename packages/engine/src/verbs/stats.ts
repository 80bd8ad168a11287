import type { TaskStats } from '@gantry/runtime'
import type { Context } from '../context.ts'
import type { ContainerRecord } from '../container/record.ts'

/** What a container uses now; without `stats` when it does not run. @throws EngineError CONTAINER_UNKNOWN */
export async function stats(
  context: Context,
  reference: string,
): Promise<{ record: ContainerRecord; stats: TaskStats | undefined }> {
  const record = context.containers.find(reference)
  return { record, stats: await context.live.of(record.id).task?.stats() }
}
