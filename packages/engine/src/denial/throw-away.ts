import { statSync } from 'node:fs'
import { join } from 'node:path'
import { directory, mount } from '@gantry/linux'
import { run } from '@gantry/process'
import type { Context } from '../context.ts'
import { newId, shortId } from '../container/identity.ts'
import { containerOwner, notStarted, type ContainerRecord } from '../container/record.ts'
import type { ContainerMount, ContainerSpec } from '../container/spec.ts'
import { containerEvent } from '../events/container-event.ts'
import { mountSource } from '../run/mount-source.ts'
import { containerDirectory } from '../verbs/create.ts'

/** How a copy differs from its container. */
export interface ThrowAwayOptions {
  readonly spec: ContainerSpec
  /** Keep its network. Default: none but its own loopback. */
  readonly network: boolean
  /** Write to its volumes and binds themselves. Default: to a layer over them that goes with the copy. */
  readonly volumes: boolean
}

/**
 * Makes a copy of a container that goes with its process: the same image, and what the container has written to its root file system.
 * Nothing that the copy does reaches the container, nor, without `volumes`, what is mounted into it; files that are mounted on their
 * own are read-only. Everything made is undone with it.
 */
export async function throwAwayCopy(
  context: Context,
  original: ContainerRecord,
  { spec, network, volumes }: ThrowAwayOptions,
): Promise<ContainerRecord> {
  const { containers, ledger, snapshots, state, events } = context
  const id = newId()
  const owner = containerOwner(id)
  const name = `explain-${shortId(id)}`
  containers.reserve(name, id)
  try {
    await ledger.apply(owner, [
      directory(
        { path: containerDirectory(context, id), mode: 0o710 },
        'a copy of a container, to see what is refused',
      ),
    ])
    const { upper } = await snapshots.prepare(id, original.image.chain, owner, { mount: false, volatile: true })
    await run('cp', ['-a', '--reflink=auto', '--', `${snapshots.paths(original.id).upper}/.`, upper])
    const mounts: ContainerMount[] = []
    for (const [index, each] of spec.mounts.entries())
      mounts.push(volumes ? each : await covered(context, each, { id, owner, index, users: spec.users }))
    const { health: _health, ...rest } = spec
    const record: ContainerRecord = {
      id,
      name,
      created: context.clock.now(),
      image: original.image,
      spec: {
        ...rest,
        mounts,
        labels: { ...spec.labels, 'gantry.explains': original.id },
        terminal: false,
        stdin: false,
        autoRemove: true,
        restart: { name: 'no', maximumRetries: 0 },
        ports: [],
        ...(network ? {} : { network: { kind: 'none' } }),
      },
      status: 'created',
      progress: notStarted,
    }
    state.transaction(() => {
      containers.insert(record)
      ledger.settle(owner)
      context.images.hold(owner, original.image.manifest)
      events.emit(containerEvent(record, 'create'))
    })
    return record
  } catch (error) {
    containers.release(name, id)
    await ledger.undo(owner)
    await snapshots.remove(id)
    throw error
  }
}

/** A mount whose source is seen and not changed. */
async function covered(
  context: Context,
  mounted: ContainerMount,
  { id, owner, index, users }: { id: string; owner: string; index: number; users: ContainerSpec['users'] },
): Promise<ContainerMount> {
  if ((mounted.type !== 'bind' && mounted.type !== 'volume') || mounted.readonly) return mounted
  if (mounted.type === 'volume' && mounted.subpath !== undefined) return { ...mounted, readonly: true }
  // The kernel maps no owners of an overlay, which the layer over them would be.
  const mapped = mounted.type === 'volume' || mounted.idmap === true
  if (users !== undefined && mapped) return { ...mounted, readonly: true }
  const source = await mountSource(context, mounted, { id, owner, owners: undefined })
  if (source === undefined || !statSync(source).isDirectory()) return { ...mounted, readonly: true }
  const place = join(containerDirectory(context, id), `over-${String(index)}`)
  const why = 'what is written goes with the copy'
  try {
    await context.ledger.apply(owner, [directory({ path: place, children: ['upper', 'work', 'seen'] }, why)])
    const data = `lowerdir=${escaped(source)},upperdir=${place}/upper,workdir=${place}/work`
    await context.ledger.apply(owner, [
      mount({ source: 'overlay', target: `${place}/seen`, type: 'overlay', data }, why),
    ])
  } catch (error) {
    // Not everything can lie under an overlay: the host's own /proc and /sys, another overlay of depth two.
    context.log(`Cannot lay a layer over ${source}; the copy has it read-only`, error)
    return { ...mounted, readonly: true }
  }
  const { target } = mounted
  return { type: 'bind', source: `${place}/seen`, target, readonly: false, propagation: '', createSource: false }
}

function escaped(path: string): string {
  return path.replace(/[\\:,]/g, '\\$&')
}
