import { createHash } from 'node:crypto'
import { availableParallelism, hostname } from 'node:os'
import { join } from 'node:path'
import { directory } from '@gantry/linux'
import { parseSeccompProfile } from '@gantry/runtime'
import type { Context } from '../context.ts'
import { generateName } from '../container/generated-name.ts'
import { isName, newId } from '../container/identity.ts'
import { checkLogHost } from '../container/log-choice.ts'
import { planContainer } from '../container/plan.ts'
import { containerOwner, notStarted, type ContainerRecord } from '../container/record.ts'
import type { ContainerMount, ContainerSpec, CreateRequest, MountRequest, NetworkChoice } from '../container/spec.ts'
import { autoUsers } from '../container/users/auto-users.ts'
import { checkNoUsers, checkUsers } from '../container/users/check-users.ts'
import { parseUsers, type UsersPlan } from '../container/users/parse-users.ts'
import { readSubordinateIds, type SubordinateIds } from '../container/users/subordinate-ids.ts'
import { EngineError } from '../engine-error.ts'
import { containerEvent } from '../events/container-event.ts'
import { cdiDevices } from '../run/cdi-devices.ts'
import { checkLimits } from '../run/check-limits.ts'
import { parseDeviceRule } from '../run/devices.ts'
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
    const subordinate = readSubordinateIds()
    const users = request.users === undefined ? undefined : parseUsers(request.users, subordinate)
    const plan = planContainer(asKept(request, users), image.config.config ?? {}, { id, hostname: hostname() })
    if (users === undefined) checkNoUsers(plan)
    else checkUsers(plan, context)
    checkNetwork(context, plan)
    checkHost(context, plan)
    for (const { name: secret } of plan.secrets ?? []) context.secrets.find(secret)
    checkLogHost(plan)
    made = true
    await ledger.apply(owner, [
      directory({ path: containerDirectory(context, id), mode: 0o710 }, 'its configuration, its log, its hosts file'),
    ])
    const images = await prepareImages(context, plan.mounts, { id, owner })
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
          ...usersOf(context, request, { users, subordinate }),
          network: withNames(context, plan.network),
          mounts: plan.mounts.map((mount) => images.get(mount) ?? withVolume(context, mount)),
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

/** With `keep-id` the process is its caller, unless another user is asked for. */
function asKept(request: CreateRequest, users: UsersPlan | undefined): CreateRequest {
  const user = users?.kind === 'maps' ? users.user : undefined
  return user === undefined || (request.user ?? '') !== '' ? request : { ...request, user: `${user.uid}:${user.gid}` }
}

/** The users that a container gets. In the transaction that writes it: nobody else takes the same ids. */
function usersOf(
  { containers, site }: Context,
  { users: request }: CreateRequest,
  { users, subordinate }: { users: UsersPlan | undefined; subordinate: SubordinateIds },
): Pick<ContainerSpec, 'users'> {
  if (users === undefined) return {}
  const others = containers.all().flatMap(({ spec }) => (spec.users === undefined ? [] : [spec.users]))
  const maps =
    users.kind === 'maps' ? users.maps : autoUsers(users.request, { subordinate, others, seed: seedOf(site.root) })
  return { users: { mode: request?.mode || 'private', ...maps } }
}

/** Where a root directory begins to look for ids: others on the machine begin elsewhere, most likely. */
function seedOf(root: string): number {
  return createHash('sha256').update(root).digest().readUInt32BE() / 2 ** 32
}

/** Where a container's configuration and log are. */
export function containerDirectory({ site }: Pick<Context, 'site'>, id: string): string {
  return join(site.root, 'containers', id)
}

/** Keeps the layers of images that are to be mounted: a snapshot stands on each. */
async function prepareImages(
  context: Context,
  mounts: readonly MountRequest[],
  { id, owner }: { id: string; owner: string },
): Promise<ReadonlyMap<MountRequest, ContainerMount>> {
  const prepared = new Map<MountRequest, ContainerMount>()
  for (const [index, mount] of mounts.entries()) {
    if (mount.type !== 'image') continue
    const { chain } = await context.images.open(mount.image)
    const snapshot = `${id}.${index}`
    await context.snapshots.prepare(snapshot, chain, owner, { mount: false, volatile: true })
    prepared.set(mount, { ...mount, snapshot, readonly: true })
  }
  return prepared
}

/** Forgets the snapshots of a container, its own and those of images that were mounted into it. Idempotent. */
export async function removeSnapshots({ snapshots }: Context, id: string): Promise<void> {
  const keys = snapshots.list().snapshots.map(({ key }) => key)
  for (const key of [id, ...keys.filter((each) => each.startsWith(`${id}.`))]) await snapshots.remove(key)
}

async function undoHalf(context: Context, id: string): Promise<void> {
  const { ledger, log } = context
  try {
    await ledger.undo(containerOwner(id))
    await removeSnapshots(context, id)
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
  {
    security,
    resources,
    stopSignal,
    cgroupParent,
  }: Pick<ContainerSpec, 'security' | 'resources' | 'stopSignal' | 'cgroupParent'>,
): void {
  parseSignal(stopSignal)
  if (typeof security.seccomp !== 'string') parseSeccompProfile(security.seccomp.profile)
  const { apparmor = '' } = security
  if (apparmor !== '' && apparmor !== 'unconfined' && !host.apparmor)
    throw new EngineError('SPEC_INVALID', `Cannot confine it by the AppArmor profile "${apparmor}"`, {
      hint: 'this host has no AppArmor: leave the option out',
    })
  for (const rule of security.deviceRules ?? []) parseDeviceRule(rule)
  cdiDevices(security)
  checkLimits(host, resources)
  if (cgroupParent !== undefined && host.cgroup.manager === 'systemd' && !/^[^/]+\.slice$/.test(cgroupParent))
    throw new EngineError(
      'SPEC_INVALID',
      `cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice", not "${cgroupParent}"`,
    )
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
  if (mount.type === 'image')
    throw new EngineError('SPEC_INVALID', `Cannot mount the image "${mount.image}" into a container that exists`, {
      hint: 'give the mount when the container is created',
    })
  if (mount.type !== 'volume') return mount
  const { name, target, readonly, copyUp, labels, subpath } = mount
  const volume = volumes.record({
    ...(name === undefined || name === '' ? {} : { name }),
    ...(labels === undefined ? {} : { labels }),
  })
  return {
    type: 'volume',
    name: volume.name,
    target,
    readonly,
    copyUp,
    ...(subpath === undefined ? {} : { subpath }),
    anonymous: name === undefined || name === '',
  }
}
