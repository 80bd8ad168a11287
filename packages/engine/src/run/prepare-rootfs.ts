import { mkdirSync, statSync } from 'node:fs'
import { resolveUser, type MountSpec, type ResolvedUser } from '@gantry/runtime'
import type { Context } from '../context.ts'
import type { ContainerRecord } from '../container/record.ts'
import type { ContainerMount } from '../container/spec.ts'
import { EngineError } from '../engine-error.ts'
import { copyUp } from '../volumes/copy-up.ts'

/** The mounted root file system of a run, what is mounted into it, and who its process is. */
export interface PreparedRootfs {
  readonly rootfs: string
  readonly mounts: readonly MountSpec[]
  readonly user: ResolvedUser
}

/** Mounts the root file system for a run, makes the sources of its mounts, fills new volumes from the image, looks the user up. */
export async function prepareRootfs(context: Context, record: ContainerRecord, owner: string): Promise<PreparedRootfs> {
  const { id, spec, progress } = record
  const { rootfs } = await context.snapshots.mount(id, owner)
  const mounts: MountSpec[] = []
  for (const mount of spec.mounts) {
    mounts.push(mountSpec(context, mount))
    if (mount.type === 'volume' && mount.copyUp && progress.run === (mount.since ?? 1))
      await copyUp({ rootfs, path: mount.target, volume: context.volumes.directoryOf(mount.name) })
  }
  return { rootfs, mounts, user: resolveUser(rootfs, spec.user, spec.security.groupAdd) }
}

/** Where on the host the data of a mount is; undefined for one that has none there. @throws EngineError SPEC_INVALID */
export function mountSource(context: Context, mount: ContainerMount): string | undefined {
  if (mount.type === 'bind') return bindSource(mount)
  return mount.type === 'volume' ? context.volumes.directoryOf(mount.name) : undefined
}

function mountSpec(context: Context, mount: ContainerMount): MountSpec {
  if (mount.type === 'bind') return bind({ ...mount, source: bindSource(mount) })
  if (mount.type === 'volume')
    return bind({ ...mount, source: context.volumes.directoryOf(mount.name), propagation: '' })
  const execution = mount.options.some((option) => /^(no)?exec$/.test(option)) ? [] : ['noexec']
  return {
    destination: mount.target,
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'nodev', ...execution, ...mount.options],
  }
}

function bind({
  source,
  target,
  readonly,
  propagation,
}: {
  source: string
  target: string
  readonly: boolean
  propagation: string
}): MountSpec {
  const options = ['rbind', readonly ? 'ro' : 'rw', propagation === '' ? 'rprivate' : propagation]
  return { destination: target, type: 'bind', source, options }
}

function bindSource({ source, createSource }: Extract<ContainerMount, { type: 'bind' }>): string {
  try {
    statSync(source)
  } catch (cause) {
    if (!createSource)
      throw new EngineError(
        'SPEC_INVALID',
        `invalid mount config for type "bind": bind source path does not exist: ${source}`,
        { cause },
      )
    mkdirSync(source, { recursive: true })
  }
  return source
}
