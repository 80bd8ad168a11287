import { closeSync, constants, lstatSync, openSync, readlinkSync } from 'node:fs'
import { asOwner, closeDescriptor, errorCode, mkdirAt, mount, openBeneath } from '@gantry/linux'
import type { MappedOwners } from '@gantry/snapshot'
import type { Context } from '../context.ts'
import { containerOwner, type ContainerRecord } from '../container/record.ts'
import type { ContainerMount } from '../container/spec.ts'
import { isAlive } from '../container/status.ts'
import { outsideOf, type OwnerIds } from '../container/users/container-users.ts'
import { fillVolumes } from './fill-volumes.ts'
import { makeOwners } from './make-users.ts'
import { mountSource } from './mount-source.ts'

/** The files of a container as its processes see them or would see them. */
export interface ContainerTree {
  readonly record: ContainerRecord
  /** An open reference to the root; closed when the work ends. */
  readonly root: number
}

const referenceFlags = 0o10000000 | constants.O_DIRECTORY

/** Works on the files of a container. Those of one that runs are looked at through its process, with everything that is mounted there;
 * one that does not run is mounted for as long, with its volumes and binds, and cannot start before the work has ended.
 * @throws EngineError CONTAINER_UNKNOWN; RuntimeError NOT_RUNNING */
export async function withTree<T>(context: Context, id: string, work: (tree: ContainerTree) => Promise<T>): Promise<T> {
  const live = context.live.of(id)
  if (live.task === undefined) {
    return live.lock.run(() => {
      const record = context.containers.find(id)
      return isAlive(record.status) ? withLive(context, record, work) : withMounted(context, record, work)
    })
  }
  return withLive(context, context.containers.find(id), work)
}

async function withLive<T>(
  context: Context,
  record: ContainerRecord,
  work: (tree: ContainerTree) => Promise<T>,
): Promise<T> {
  const root = await context.live.of(record.id).task?.openRoot()
  if (root === undefined) return withTree(context, record.id, work)
  try {
    return await work({ record, root })
  } finally {
    closeDescriptor(root)
  }
}

async function withMounted<T>(
  context: Context,
  record: ContainerRecord,
  work: (tree: ContainerTree) => Promise<T>,
): Promise<T> {
  const { ledger, snapshots } = context
  const owner = `${containerOwner(record.id)}/files`
  try {
    const isNew = record.progress.startedAt === undefined
    if (isNew && record.spec.users !== undefined) await fillVolumes(context, record, undefined)
    const owners = await makeOwners(context, record, owner)
    const { rootfs } = await snapshots.mount(record.id, owner, owners === undefined ? {} : { owners })
    if (isNew && owners === undefined) await fillVolumes(context, record, rootfs)
    const root = openSync(rootfs, referenceFlags)
    try {
      for (const each of record.spec.mounts) await showMount(context, record, { owner, root, each, owners })
      return await work({ record, root })
    } finally {
      closeSync(root)
    }
  } finally {
    await ledger.undo(owner)
  }
}

/** Shows a volume or a bind where the container would have it. */
async function showMount(
  context: Context,
  { id, spec }: ContainerRecord,
  {
    owner,
    root,
    each,
    owners,
  }: { owner: string; root: number; each: ContainerMount; owners: MappedOwners | undefined },
): Promise<void> {
  const source = await mountSource(context, each, { id, owner, owners })
  if (source === undefined) return
  const place = openPlace(root, each.target, {
    isDirectory: lstatSync(source).isDirectory(),
    owner: outsideOf(spec.users, { uid: 0, gid: 0 }),
  })
  if (place === undefined) return
  try {
    // The real path of what was opened within the root: no symbolic link is left in it.
    const target = readlinkSync(`/proc/self/fd/${String(place)}`)
    await context.ledger.apply(owner, [
      mount({ source, target, flags: ['rbind', 'rprivate'] }, 'shows its data while files are copied'),
    ])
  } finally {
    closeDescriptor(place)
  }
}

function openPlace(
  root: number,
  path: string,
  { isDirectory, owner }: { isDirectory: boolean; owner: OwnerIds },
): number | undefined {
  const parts = path.split('/').filter((part) => part !== '')
  for (let count = isDirectory ? 1 : parts.length; count <= parts.length; count++) {
    const here = parts.slice(0, count).join('/')
    let found = open(root, here)
    if (found === undefined) {
      if (!isDirectory) return undefined
      const parent = open(root, parts.slice(0, count - 1).join('/'))
      if (parent === undefined) return undefined
      const name = parts[count - 1] ?? ''
      asOwner(owner, () => mkdirAt(parent, name, 0o755))
      closeDescriptor(parent)
      found = open(root, here)
    }
    if (found === undefined || count === parts.length) return found
    closeDescriptor(found)
  }
  return undefined
}

function open(root: number, path: string): number | undefined {
  try {
    return openBeneath(root, path, { inRoot: true, follow: true })
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
