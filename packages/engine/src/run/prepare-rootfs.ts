import { resolveUser, type MountSpec, type ResolvedUser } from '@gantry/runtime'
import type { MappedOwners } from '@gantry/snapshot'
import type { Context } from '../context.ts'
import type { ContainerRecord } from '../container/record.ts'
import type { ContainerMount } from '../container/spec.ts'
import { fillVolumes } from './fill-volumes.ts'
import { prepareSecrets } from './prepare-secrets.ts'
import { mountSource } from './mount-source.ts'

/** The mounted root file system of a run, what is mounted into it, and who its process is. */
export interface PreparedRootfs {
  readonly rootfs: string
  readonly mounts: readonly MountSpec[]
  readonly user: ResolvedUser
  /** Variables whose values are secrets. */
  readonly env: readonly string[]
}

/** Mounts the root file system for a run, makes the sources of its mounts, fills new volumes from the image, looks the user up. */
export async function prepareRootfs(
  context: Context,
  record: ContainerRecord,
  { owner, owners }: { readonly owner: string; readonly owners: MappedOwners | undefined },
): Promise<PreparedRootfs> {
  const { id, spec } = record
  if (owners !== undefined) await fillVolumes(context, record, undefined)
  const { rootfs } = await context.snapshots.mount(id, owner, owners === undefined ? {} : { owners })
  if (owners === undefined) await fillVolumes(context, record, rootfs)
  const mounts: MountSpec[] = []
  for (const mount of spec.mounts) {
    const source = await mountSource(context, mount, { id, owner, owners })
    mounts.push(mountSpec(context, mount, source))
  }
  const secrets = await prepareSecrets(context, record, owner)
  mounts.push(...secrets.mounts)
  return { rootfs, mounts, env: secrets.env, user: resolveUser(rootfs, spec.user, spec.security.groupAdd) }
}

function mountSpec(context: Context, mount: ContainerMount, source: string | undefined): MountSpec {
  if (mount.type !== 'tmpfs') {
    const propagation = mount.type === 'bind' ? mount.propagation : ''
    const { target, readonly } = mount
    const recursive = mount.type === 'bind' ? mount.recursive : undefined
    const binding = recursive === 'disabled' ? 'bind' : 'rbind'
    const access = readonly ? ['ro', ...readonlyBelow(context, recursive)] : ['rw']
    const options = [binding, ...access, propagation === '' ? 'rprivate' : propagation]
    return { destination: target, type: 'bind', source: source ?? '', options }
  }
  const execution = mount.options.some((option) => /^(no)?exec$/.test(option)) ? [] : ['noexec']
  return {
    destination: mount.target,
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'nodev', ...execution, ...mount.options],
  }
}

/** What is mounted below a read-only bind is read-only too, where the kernel can do so (mount_setattr, Linux 5.12). */
function readonlyBelow(
  { host }: Context,
  recursive: Extract<ContainerMount, { type: 'bind' }>['recursive'],
): readonly string[] {
  const [major, minor] = host.kernelVersion
  if (recursive === 'writable' || recursive === 'disabled' || major < 5 || (major === 5 && minor < 12)) return []
  return ['rro']
}
