import type { Context } from '../context.ts'
import { isName } from '../container/identity.ts'
import { runOwner } from '../container/record.ts'
import { EngineError } from '../engine-error.ts'
import { containerEvent } from '../events/container-event.ts'

/** Gives a container another name, on its networks too.
 * @throws EngineError CONTAINER_UNKNOWN, NAME_INVALID, NAME_TAKEN */
export async function rename(context: Context, reference: string, name: string): Promise<void> {
  const { id, name: oldName } = context.containers.find(reference)
  const plain = name.startsWith('/') ? name.slice(1) : name
  if (!isName(plain))
    throw new EngineError(
      'NAME_INVALID',
      `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    )
  if (plain === oldName)
    throw new EngineError('SPEC_INVALID', 'Renaming a container with the same name as its current name')
  const record = context.containers.update(id, { name: plain })
  context.events.emit(containerEvent(record, 'rename', { oldName: `/${oldName}` }))
  await context.networks.rename(runOwner(id, record.progress.run), plain)
}
