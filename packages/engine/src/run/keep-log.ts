import { LogKeeper, monitorLimit, prepareLog, type Stdio, type Task } from '@gantry/runtime'
import type { Context } from '../context.ts'
import { checkLogHost, logLimits } from '../container/log-choice.ts'
import { logTag } from '../container/log-tag.ts'
import type { ContainerRecord } from '../container/record.ts'
import { containerDirectory } from '../verbs/create.ts'

/** Makes a container's log ready for a run; returns what the monitor is told of it. @throws EngineError NOT_SUPPORTED */
export function logOf(
  context: Pick<Context, 'site'>,
  record: ContainerRecord,
): Pick<Stdio, 'log' | 'logSizeMax' | 'journal'> {
  const { id, name, spec } = record
  checkLogHost(spec)
  const limits = logLimits(spec)
  if (limits === undefined) return { log: undefined }
  const path = logPath(context, id)
  prepareLog(path, limits)
  const logSizeMax = monitorLimit(limits)
  return {
    log: path,
    ...(logSizeMax === undefined ? {} : { logSizeMax }),
    ...(spec.log?.driver === 'journald' ? { journal: logTag(record) ?? name } : {}),
  }
}

/** Looks after the files of a running container's log from now on, in place of whoever did before. */
export function keepLog(context: Context, { id, spec }: Pick<ContainerRecord, 'id' | 'spec'>, task: Task): void {
  const live = context.live.of(id)
  live.log?.close()
  const limits = logLimits(spec)
  live.log =
    limits === undefined
      ? undefined
      : new LogKeeper({ path: logPath(context, id), limits, reopen: () => task.reopenLog() })
}

/** Where a container's output is written, when it is kept in files. */
export function logPath(context: Pick<Context, 'site'>, id: string): string {
  return `${containerDirectory(context, id)}/container.log`
}
