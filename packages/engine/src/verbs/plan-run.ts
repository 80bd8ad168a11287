import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { LedgerEntry } from '@gantry/linux'
import { textInRoot } from '@gantry/runtime'
import type { Context, Stage } from '../context.ts'
import { LiveContainers } from '../container/live.ts'
import type { ContainerRecord } from '../container/record.ts'
import type { CreateRequest, MountRequest } from '../container/spec.ts'
import { ContainerTable } from '../container/table.ts'
import { weaknesses } from '../container/weaknesses.ts'
import { EngineError } from '../engine-error.ts'
import { EventLog } from '../events/event-log.ts'
import { ExecTable } from '../exec/exec-table.ts'
import { VolumeTable } from '../volumes/volume-table.ts'
import { containerDirectory, create } from './create.ts'
import { prepareRun } from './start.ts'

/** What `run` would do. */
export interface PlannedRun {
  readonly record: ContainerRecord
  /** In order; what the host and the networks need first comes first. */
  readonly entries: readonly LedgerEntry[]
  /** What of it makes the walls thinner, in words. */
  readonly weakens: readonly string[]
}

/**
 * Plans a run by the code that makes one, over a copy of the database, a ledger that makes nothing, and a root directory that is thrown
 * away. Published ports are bound for a moment, to see that they are free. Of an image of several layers whose user is a name, the
 * layers are mounted for a moment to look it up.
 * @throws as `create` and `start`; EngineError NOT_SUPPORTED where the runtime cannot say what it would do
 */
export async function planRun(context: Context, request: CreateRequest): Promise<PlannedRun> {
  if (context.rehearse === undefined || context.runtime.rehearse === undefined)
    throw new EngineError('NOT_SUPPORTED', 'Cannot plan a run: this runtime cannot say what it would do')
  // Unpacked before the database is copied.
  await context.images.open(request.image, request.platform === undefined ? {} : { platform: request.platform })
  for (const mount of request.mounts ?? []) if (mount.type === 'image') await context.images.open(mount.image)
  await using rehearsal = await context.rehearse()
  const stage = onStage(context, rehearsal)
  const before = new Set(stage.ledger.owners().map(({ owner }) => owner))
  for (const { name } of context.volumes.all())
    place(dirname(context.volumes.path(name)), dirname(stage.volumes.path(name)))
  const mounts = request.mounts?.map((mount) => staged(mount, stage.site.root))
  const record = await create(stage, { ...request, ...(mounts === undefined ? {} : { mounts }) })
  mkdirSync(containerDirectory(stage, record.id), { recursive: true })
  await showUsers(context, stage, record)
  const first = stage.containers.update(record.id, { progress: { run: 1 } })
  const { owner, connected, bundle } = await prepareRun(stage, first)
  connected.close()
  await stage.runtime.rehearse?.(bundle, { owner })
  const entries = stage.ledger
    .owners()
    .filter((each) => !before.has(each.owner))
    .flatMap((each) => stage.ledger.history(each.owner).filter((entry) => entry.owner === each.owner))
    .toSorted((a, b) => a.sequence - b.sequence)
    .map((entry) => rehearsal.asReal(entry))
  return { record: rehearsal.asReal(first), entries, weakens: weaknesses(rehearsal.asReal(first).spec, context.site) }
}

function onStage(context: Context, { ports }: Stage): Context {
  const { state, site } = ports
  const { clock } = context
  return {
    ...context,
    ...ports,
    rehearsing: true,
    // Holds are rows of the real store.
    images: { ...imagesOf(context), hold: () => undefined, letGo: () => undefined },
    containers: new ContainerTable(state),
    live: new LiveContainers(),
    execs: new ExecTable(clock),
    volumes: new VolumeTable({ state, root: site.root, clock }),
    events: new EventLog(state, clock),
  }
}

function imagesOf({ images }: Context): Pick<Context['images'], 'open' | 'commit'> {
  return {
    open: (reference, options) => images.open(reference, options),
    commit: (request) => images.commit(request),
  }
}

/** Lets what is there be seen where the plan looks for it. */
function place(real: string, planned: string): void {
  mkdirSync(dirname(planned), { recursive: true })
  if (existsSync(real) && !existsSync(planned)) symlinkSync(real, planned)
}

/** A bind whose source would be made: it is made below the root that is thrown away. */
function staged(mount: MountRequest, root: string): MountRequest {
  if (mount.type !== 'bind' || !mount.createSource || existsSync(mount.source)) return mount
  return { ...mount, source: join(root, 'missing', mount.source) }
}

/** Shows the plan the image's users, where one is asked for by name. */
async function showUsers(context: Context, stage: Context, { id, spec, image }: ContainerRecord): Promise<void> {
  const { rootfs: plain, mapped } = stage.snapshots.paths(id)
  const etc = join(spec.users === undefined ? plain : mapped, 'etc')
  mkdirSync(etc, { recursive: true })
  if (/^[0-9:]*$/.test(spec.user) && spec.security.groupAdd.length === 0) return
  const owner = `plan/${id}`
  try {
    const { rootfs } = await context.snapshots.view(image.chain, owner)
    for (const name of ['passwd', 'group']) writeFileSync(join(etc, name), textInRoot(rootfs, `etc/${name}`))
  } finally {
    await context.ledger.undo(owner)
  }
}
