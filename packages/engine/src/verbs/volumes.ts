import type { Context } from '../context.ts'
import { EngineError } from '../engine-error.ts'
import type { VolumeRecord, VolumeRequest } from '../volumes/volume-table.ts'

/** Makes a volume, or returns the one of that name. @throws EngineError VOLUME_INVALID */
export function createVolume({ volumes, events }: Context, request: VolumeRequest): VolumeRecord {
  const existed = request.name !== undefined && volumes.get(request.name) !== undefined
  const volume = volumes.create(request)
  if (!existed) events.emit({ type: 'volume', action: 'create', subject: volume.name, attributes: { driver: 'local' } })
  return volume
}

/** Deletes a volume and its data. @throws EngineError VOLUME_UNKNOWN, VOLUME_IN_USE */
export function removeVolume(context: Context, name: string, { force = false }: { force?: boolean } = {}): void {
  if (force && context.volumes.get(name) === undefined) return
  context.volumes.find(name)
  const users = volumeUsers(context, name)
  if (users.length > 0)
    throw new EngineError('VOLUME_IN_USE', `remove ${name}: volume is in use - [${users.join(', ')}]`)
  context.volumes.remove(name)
  context.events.emit({ type: 'volume', action: 'destroy', subject: name, attributes: { driver: 'local' } })
}

/** Ids of the containers that are made with a volume. */
export function volumeUsers({ containers }: Context, name: string): readonly string[] {
  return containers
    .all()
    .filter(({ spec }) => spec.mounts.some((mount) => mount.type === 'volume' && mount.name === name))
    .map(({ id }) => id)
}
