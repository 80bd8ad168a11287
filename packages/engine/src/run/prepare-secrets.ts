import { chownSync, chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { directory, mount } from '@gantry/linux'
import type { MountSpec } from '@gantry/runtime'
import type { Context } from '../context.ts'
import type { ContainerRecord } from '../container/record.ts'
import { outsideOf } from '../container/users/container-users.ts'
import { containerDirectory } from '../verbs/create.ts'

/** What a run gets of its secrets. */
export interface PreparedSecrets {
  readonly mounts: readonly MountSpec[]
  /** `NAME=value`: for the process alone, never for the record. */
  readonly env: readonly string[]
}

/** Puts the secrets of a run into a file system in memory that goes with it, each to be mounted read-only. @throws EngineError SECRET_UNKNOWN */
export async function prepareSecrets(
  context: Context,
  record: ContainerRecord,
  owner: string,
): Promise<PreparedSecrets> {
  const uses = record.spec.secrets ?? []
  const env = uses.flatMap(({ name, type, target }) =>
    type === 'env' ? [`${target}=${Buffer.from(context.secrets.value(name)).toString()}`] : [],
  )
  const files = uses.filter((use) => use.type === 'mount')
  if (files.length === 0) return { mounts: [], env }
  const path = join(containerDirectory(context, record.id), 'secrets')
  const flags = ['nosuid', 'nodev', 'noexec'] as const
  await context.ledger.apply(owner, [
    directory({ path, mode: 0o700 }, 'the place of its secrets'),
    mount(
      { source: 'tmpfs', target: path, type: 'tmpfs', flags, data: 'mode=0700' },
      'its secrets are never on a disk',
    ),
  ])
  const mounts = files.map(({ name, target, mode, uid, gid }, index): MountSpec => {
    const source = join(path, String(index))
    const outside = outsideOf(record.spec.users, { uid, gid })
    writeFileSync(source, context.secrets.value(name), { mode: 0o600 })
    chownSync(source, outside.uid, outside.gid)
    chmodSync(source, mode)
    return {
      destination: target,
      type: 'bind',
      source,
      options: ['bind', 'ro', 'nosuid', 'nodev', 'noexec', 'rprivate'],
    }
  })
  return { mounts, env }
}
