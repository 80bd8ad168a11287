import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  effectiveCapabilities,
  mergeEnv,
  resolveUser,
  withHome,
  type ProcessSpec,
  type RuntimeSpec,
} from '@gantry/runtime'
import type { Context } from '../context.ts'
import type { ContainerRecord } from '../container/record.ts'
import { containerDirectory } from '../verbs/create.ts'
import type { ExecRequest } from './exec-table.ts'

/** What a further process of a container is: the main one's user, environment and limits, but for what is asked otherwise.
 * @throws RuntimeError USER_UNKNOWN */
export function execProcess(context: Context, record: ContainerRecord, request: ExecRequest): ProcessSpec {
  const config = readFileSync(join(containerDirectory(context, record.id), 'config.json'), 'utf8')
  const main = (JSON.parse(config) as RuntimeSpec).process
  const { terminal = false, user, workingDirectory, env = [], privileged = false } = request
  const umask = record.spec.umask === undefined ? {} : { umask: record.spec.umask }
  const own = user === undefined || user === '' || user === record.spec.user
  const found = own ? undefined : resolveUser(context.snapshots.paths(record.id).rootfs, user)
  const base = (main.env ?? []).filter((entry) => own || !entry.startsWith('HOME='))
  const merged = mergeEnv(terminal ? ['TERM=xterm', ...base] : base, env)
  const all = privileged ? effectiveCapabilities({ privileged: true }) : undefined
  return {
    ...main,
    terminal,
    args: request.args,
    env: found === undefined ? merged : withHome(merged, found.home),
    cwd: workingDirectory === undefined || workingDirectory === '' ? main.cwd : workingDirectory,
    ...(found === undefined
      ? {}
      : { user: { ...umask, uid: found.uid, gid: found.gid, additionalGids: found.additionalGids } }),
    ...(all === undefined ? {} : { capabilities: { bounding: all, effective: all, permitted: all } }),
  }
}
