import type { SecretUse } from '@gantry/engine'
import { badRequest } from '../http/api-failure.ts'
import type { Fields } from './fields.ts'

/** Reads the secrets that a container is given; a file is at /run/secrets/NAME and for its owner alone, unless said otherwise. @throws ApiFailure 400 */
export function secretUses(host: Fields): readonly SecretUse[] | undefined {
  const uses = host.objects('Secrets').map((each): SecretUse => {
    const name = each.text('Source') ?? ''
    const type = each.text('Type') || 'mount'
    const target = each.text('Target') || undefined
    if (name === '') throw badRequest('invalid secret: field Source must not be empty')
    if (type === 'env') {
      if (target?.includes('=') === true) throw badRequest(`invalid secret: "${target}" is no name of a variable`)
      return { name, type, target: target ?? name }
    }
    if (type !== 'mount') throw badRequest(`invalid secret: the type "${type}" is neither mount nor env`)
    const path =
      target === undefined ? `/run/secrets/${name}` : target.startsWith('/') ? target : `/run/secrets/${target}`
    const { mode, uid, gid } = {
      mode: each.number('Mode') ?? 0o444,
      uid: each.number('UID') ?? 0,
      gid: each.number('GID') ?? 0,
    }
    return { name, type, target: path, mode: mode & 0o777, uid, gid }
  })
  return uses.length === 0 ? undefined : uses
}
