import type { Context } from '../context.ts'
import { EngineError } from '../engine-error.ts'
import type { SecretRecord } from '../secrets/secret-store.ts'

/** Keeps a secret. @throws EngineError SECRET_INVALID, SECRET_EXISTS */
export function createSecret(
  { secrets, events }: Context,
  { name, value, labels }: { name: string; value: Uint8Array; labels?: Readonly<Record<string, string>> },
): SecretRecord {
  const record = secrets.create(name, value, labels)
  events.emit({ type: 'secret', action: 'create', subject: name, attributes: { name } })
  return record
}

/** Deletes a secret that no container is made with. @throws EngineError SECRET_UNKNOWN, SECRET_IN_USE */
export function removeSecret({ secrets, containers, events }: Context, name: string): void {
  secrets.find(name)
  const users = containers.all().filter(({ spec }) => spec.secrets?.some((use) => use.name === name))
  if (users.length > 0)
    throw new EngineError('SECRET_IN_USE', `secret "${name}" is in use by ${users.map((user) => user.name).join(', ')}`)
  secrets.remove(name)
  events.emit({ type: 'secret', action: 'remove', subject: name, attributes: { name } })
}
