import { limitsSwap, resources as resourcesSpec, type Task } from '@gantry/runtime'
import type { Context } from '../context.ts'
import { editSpec, type ContainerEdit, type EditEffects } from '../container/edit.ts'
import { healthAtStart } from '../container/health.ts'
import type { ContainerRecord } from '../container/record.ts'
import { watchHealth } from '../run/watch-health.ts'
import { inOrder, withImageVolumes } from '../container/plan.ts'
import type { ContainerMount, ContainerSpec, Resources } from '../container/spec.ts'
import { EngineError } from '../engine-error.ts'
import { containerEvent } from '../events/container-event.ts'
import { checkHost, withVolume } from './create.ts'

/** What an update came to. */
export interface Updated extends EditEffects {
  /** Whether the container runs, so that what takes effect at a start waits for one. */
  readonly running: boolean
}

/** Changes a container that exists. It keeps its id, its name and its volumes; what cannot change while it runs takes effect at its
 * next start. All of it is changed, or nothing: limits that the kernel refuses are refused.
 * @throws EngineError CONTAINER_UNKNOWN, SPEC_INVALID, CONTAINER_REMOVING; RuntimeError SPEC_INVALID, COMMAND_FAILED */
export async function update(context: Context, reference: string, edit: ContainerEdit): Promise<Updated> {
  const { id } = context.containers.find(reference)
  const live = context.live.of(id)
  return live.lock.run(async () => {
    const before = context.containers.find(id)
    if (before.status === 'removing' || before.status === 'dead')
      throw new EngineError('CONTAINER_REMOVING', `Container ${reference} is marked for removal and cannot be "update"`)
    const { spec: edited, kept, effects } = editSpec(before.spec, edit)
    // Checks all places together; each keeps what it was.
    withImageVolumes([...kept, ...(edit.mount ?? [])], [])
    checkHost(context, edited)
    if (edit.resources !== undefined) {
      const limits = limitsOf(context, edited.resources, edit.resources)
      await live.task?.update(limits)
    }
    const updated = context.state.transaction(() => {
      const added = (edit.mount ?? []).map((each): ContainerMount => {
        const mount = withVolume(context, each)
        return mount.type === 'volume' ? { ...mount, since: before.progress.run + 1 } : mount
      })
      const spec: ContainerSpec = { ...edited, mounts: inOrder([...kept, ...added]) }
      const face = edit.face?.(spec)
      const record = context.containers.update(id, { spec: face === undefined ? spec : { ...spec, face } })
      context.events.emit(containerEvent(record, 'update'))
      return record
    })
    if (edit.health !== undefined && live.task !== undefined) checkAnew(context, updated, live.task)
    return { ...effects, running: live.task !== undefined }
  })
}

/** Has the health of a run checked by another check from now on; what the one before has found stays in the log. */
function checkAnew(context: Context, { id, spec, progress }: ContainerRecord, task: Task): void {
  context.live.of(id).health?.abort()
  if (spec.health === undefined) return
  const record = context.containers.update(id, { progress: { health: healthAtStart(progress.health) } })
  watchHealth(context, record, task)
}

/** The limits to set: memory and swap go together, since the kernel compares them; what is not asked for stays. */
function limitsOf(
  { host }: Context,
  all: Resources,
  asked: NonNullable<ContainerEdit['resources']>,
): ReturnType<typeof resourcesSpec> {
  const { memory, cpu, pids } = resourcesSpec(all, limitsSwap(host.cgroup))
  const names = Object.keys(asked)
  const some = (pattern: RegExp): boolean => names.some((name) => pattern.test(name))
  return {
    ...(some(/^memory/) && memory !== undefined ? { memory } : {}),
    ...(some(/^cpu/) && cpu !== undefined ? { cpu } : {}),
    ...(some(/^pids/) ? { pids: pids ?? { limit: -1 } } : {}),
  }
}
