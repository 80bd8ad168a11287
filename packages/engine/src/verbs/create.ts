import { availableParallelism, hostname } from 'node:os'
import { join } from 'node:path'
import { directory } from '@gantry/linux'
import { parseSeccompProfile } from '@gantry/runtime'
import type { Context } from '../context.ts'
import { generateName } from '../container/generated-name.ts'
import { isName, newId } from '../container/identity.ts'
import { planContainer } from '../container/plan.ts'
import { containerOwner, notStarted, type ContainerRecord } from '../container/record.ts'
import type { ContainerMount, ContainerSpec, CreateRequest, MountRequest, NetworkChoice } from '../container/spec.ts'
import { EngineError } from '../engine-error.ts'
import { containerEvent } from '../events/container-event.ts'
import { parseSignal } from './kill.ts'

/** Makes a container that can be started. All of it is there afterwards, or nothing.
 * @throws EngineError IMAGE_UNKNOWN, NAME_INVALID, NAME_TAKEN, COMMAND_MISSING, SPEC_INVALID, CONTAINER_UNKNOWN (of `container:`) */
export async function create(context: Context, request: CreateRequest): Promise<ContainerRecord> {
  const { containers, ledger, snapshots, state, events } = context
  const id = newId()
  const name = nameOf(context, request.name)
  containers.reserve(name, id)
  const owner = containerOwner(id)
  let made = false
  try {
    const image = await context.images.open(
      request.image,
      request.platform === undefined ? {} : { platform: request.platform },
    )
    const plan = planContainer(request, image.config.config ?? {}, { id, hostname: hostname() })
    checkNetwork(context, plan)
    checkHost(context, plan)
    made = true
    await ledger.apply(owner, [
      directory({ path: containerDirectory(context, id), mode: 0o710 }, 'its configuration, its log, its hosts file'),
    ])
    // Nobody reads what a container wrote that goes with its process: its overlay need not be synced to the disk.
    await snapshots.prepare(id, image.chain, owner, { mount: false, volatile: plan.autoRemove })
    return state.transaction(() => {
      const record: ContainerRecord = {
        id,
        name,
        created: context.clock.now(),
        image: {
          id: image.id,
          manifest: image.descriptor.digest,
          ...(image.chain === undefined ? {} : { chain: image.chain }),
        },
        spec: {
          ...plan,
          network: withNames(context, plan.network),
          mounts: plan.mounts.map((mount) => withVolume(context, mount)),
        },
        status: 'created',
        progress: notStarted,
      }
      containers.insert(record)
      ledger.settle(owner)
      context.images.hold(owner, image.descriptor.digest)
      events.emit(containerEvent(record, 'create'))
      return record
    })
  } catch (error) {
    containers.release(name, id)
    if (made) await undoHalf(context, id)
    throw error
  }
}

/** Where a container's configuration and log are. */
export function containerDirectory({ site }: Pick<Context, 'site'>, id: string): string {
  return join(site.root, 'containers', id)
}

async function undoHalf({ ledger, snapshots, log }: Context, id: string): Promise<void> {
  try {
    await ledger.undo(containerOwner(id))
    await snapshots.remove(id)
  } catch (error) {
    log(`Cannot undo the half-made container ${id}; the next start of the daemon tries again`, error)
  }
}

function nameOf({ containers }: Context, asked: string | undefined): string {
  if (asked === undefined || asked === '') return generateName((name) => containers.nameTaken(name))
  const name = asked.startsWith('/') ? asked.slice(1) : asked
  if (!isName(name))
    throw new EngineError(
      'NAME_INVALID',
      `Invalid container name (${asked}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    )
  return name
}

function checkNetwork(
  { containers }: Context,
  { network, ports, hostname: own }: Pick<ContainerSpec, 'network' | 'ports' | 'hostname'>,
): void {
  if (network.kind === 'container') {
    containers.find(network.container)
    if (ports.length > 0)
      throw new EngineError('SPEC_INVALID', 'conflicting options: port publishing and the container type network mode')
  }
  if (own.length > 64) throw new EngineError('SPEC_INVALID', `invalid hostname: "${own}" is longer than 64 characters`)
}

/** Refuses what would be left out silently, or only be noticed when it is too late. @throws EngineError, RuntimeError SPEC_INVALID */
export function checkHost(
  { host }: Context,
  { security, resources, stopSignal }: Pick<ContainerSpec, 'security' | 'resources' | 'stopSignal'>,
): void {
  parseSignal(stopSignal)
  if (typeof security.seccomp !== 'string') parseSeccompProfile(security.seccomp.profile)
  const { apparmor = '' } = security
  if (apparmor !== '' && apparmor !== 'unconfined' && !host.apparmor)
    throw new EngineError('SPEC_INVALID', `Cannot confine it by the AppArmor profile "${apparmor}"`, {
      hint: 'this host has no AppArmor: leave the option out',
    })
  const processors = availableParallelism()
  if (resources.cpus !== undefined && (resources.cpus < 0.01 || resources.cpus > processors))
    throw new EngineError(
      'SPEC_INVALID',
      `range of CPUs is from 0.01 to ${processors}.00, as there are only ${processors} CPUs available`,
    )
}

/** Networks by their names, where they were asked for by id. One that is not there yet is refused at the start. */
function withNames({ networks }: Context, choice: NetworkChoice): NetworkChoice {
  if (choice.kind !== 'networks') return choice
  const named = choice.networks.map((each) => ({
    ...each,
    network: networks.inspect(each.network)?.name ?? each.network,
  }))
  return { ...choice, networks: named }
}

/** A mount whose volume, if it is one, is in the table. @throws EngineError VOLUME_INVALID */
export function withVolume({ volumes }: Context, mount: MountRequest): ContainerMount {
  if (mount.type !== 'volume') return mount
  const { name, target, readonly, copyUp, labels } = mount
  const volume = volumes.record({
    ...(name === undefined || name === '' ? {} : { name }),
    ...(labels === undefined ? {} : { labels }),
  })
  return { type: 'volume', name: volume.name, target, readonly, copyUp, anonymous: name === undefined || name === '' }
}
