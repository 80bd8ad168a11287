import type { MountRequest } from '@gantry/engine'
import { badRequest, notSupported } from '../http/api-failure.ts'
import type { Fields } from './fields.ts'

/** Every mount that is asked for: `-v`, `--mount`, `--tmpfs`, `--volumes-from`. Of two at one place the more explicit holds.
 * @throws ApiFailure 400, 501 */
export function mountRequests(
  config: Fields,
  host: Fields,
  mountsOf: (container: string) => readonly MountRequest[],
): readonly MountRequest[] {
  const explicit = [
    ...(host.texts('Binds') ?? []).map(bindRequest),
    ...host.objects('Mounts').map(mountRequest),
    ...Object.entries(host.map('Tmpfs') ?? {}).map(([target, options]): MountRequest =>
      tmpfs(target, options.split(',')),
    ),
  ]
  const places = new Set(explicit.map(({ target }) => target))
  const anonymous = (config.keys('Volumes') ?? [])
    .filter((target) => !places.has(target))
    .map((target): MountRequest => ({ type: 'volume', target, readonly: false, copyUp: true }))
  for (const { target } of anonymous) places.add(target)
  const inherited = (host.texts('VolumesFrom') ?? []).flatMap((from) => volumesFrom(from, mountsOf))
  return [...explicit, ...anonymous, ...inherited.filter(({ target }) => !places.has(target))]
}

const propagations = new Set(['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'])
/** Relabelling for SELinux and hints for other systems: nothing to do here. */
const accepted = new Set(['z', 'Z', 'rw', 'consistent', 'cached', 'delegated', 'rbind'])

/** Reads `source:target[:options]`. */
function bindRequest(text: string): MountRequest {
  const parts = text.split(':')
  if (parts.length < 2 || parts.length > 3 || parts.some((part) => part === ''))
    throw badRequest(`invalid volume specification: '${text}'`)
  const [source = '', target = '', modes = ''] = parts
  const options = modes === '' ? [] : modes.split(',')
  const propagation = options.find((option) => propagations.has(option)) ?? ''
  const unknown = options.find(
    (option) =>
      !accepted.has(option) &&
      !propagations.has(option) &&
      option !== 'ro' &&
      option !== 'nocopy' &&
      option !== 'idmap',
  )
  if (unknown !== undefined) throw badRequest(`invalid mode: ${unknown}`)
  if (!target.startsWith('/'))
    throw badRequest(
      `invalid volume specification: '${text}': invalid mount config for type "bind": invalid mount path: '${target}' mount path must be absolute`,
    )
  const readonly = options.includes('ro')
  const idmap = options.includes('idmap') ? { idmap: true } : {}
  if (source.startsWith('/'))
    return { type: 'bind', source, target, readonly, propagation, createSource: true, ...idmap }
  if (source.includes('/'))
    throw badRequest(`invalid volume specification: '${text}': a path of the host must be absolute`)
  return { type: 'volume', name: source, target, readonly, copyUp: !options.includes('nocopy') }
}

function mountRequest(mount: Fields): MountRequest {
  const type = mount.text('Type') ?? ''
  const target = mount.text('Target') ?? ''
  const source = mount.text('Source') ?? ''
  const readonly = mount.flag('ReadOnly') ?? false
  if (target === '') throw badRequest(`invalid mount config for type "${type}": field Target must not be empty`)
  switch (type) {
    case 'bind': {
      if (!source.startsWith('/'))
        throw badRequest(
          `invalid mount config for type "bind": invalid mount path: '${source}' mount path must be absolute`,
        )
      const options = mount.object('BindOptions')
      const createSource = options.flag('CreateMountpoint') ?? false
      const recursive = recursiveOf(options, readonly)
      return {
        type: 'bind',
        source,
        target,
        readonly,
        propagation: options.text('Propagation') ?? '',
        ...(recursive === undefined ? {} : { recursive }),
        createSource,
        ...(options.flag('IDMap') === true ? { idmap: true } : {}),
      }
    }
    case 'volume': {
      const options = mount.object('VolumeOptions')
      const subpath = options.text('Subpath') || undefined
      if (subpath !== undefined && source === '')
        throw badRequest('invalid mount config for type "volume": a part of a volume needs its name')
      const driver = options.object('DriverConfig').text('Name') ?? ''
      if (driver !== '' && driver !== 'local') throw notSupported(`volume driver "${driver}"`)
      const labels = options.map('Labels')
      return {
        type: 'volume',
        target,
        readonly,
        copyUp: options.flag('NoCopy') !== true,
        ...(source === '' ? {} : { name: source }),
        ...(labels === undefined ? {} : { labels }),
        ...(subpath === undefined ? {} : { subpath }),
      }
    }
    case 'image': {
      if (source === '') throw badRequest('invalid mount config for type "image": field Source must not be empty')
      const subpath = mount.object('ImageOptions').text('Subpath') || undefined
      return { type: 'image', image: source, target, ...(subpath === undefined ? {} : { subpath }) }
    }
    case 'tmpfs': {
      const options = mount.object('TmpfsOptions')
      const size = options.number('SizeBytes') ?? 0
      const mode = options.number('Mode') ?? 0
      return tmpfs(target, [
        ...(size > 0 ? [`size=${size}`] : []),
        ...(mode > 0 ? [`mode=${mode.toString(8)}`] : []),
        ...(readonly ? ['ro'] : []),
      ])
    }
    default:
      throw notSupported(`mount type "${type}"`)
  }
}

/** How mounts below a bind are shown. */
function recursiveOf(options: Fields, readonly: boolean): 'disabled' | 'writable' | 'readonly' | undefined {
  if (options.flag('NonRecursive') === true) return 'disabled'
  if (options.flag('ReadOnlyNonRecursive') === true) {
    if (!readonly) throw badRequest('mount options conflict: !ReadOnly && BindOptions.ReadOnlyNonRecursive')
    return 'writable'
  }
  if (options.flag('ReadOnlyForceRecursive') !== true) return undefined
  if (!readonly) throw badRequest('mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive')
  return 'readonly'
}

function tmpfs(target: string, options: readonly string[]): MountRequest {
  return { type: 'tmpfs', target, options: options.filter((option) => option !== '') }
}

function volumesFrom(text: string, mountsOf: (container: string) => readonly MountRequest[]): readonly MountRequest[] {
  const [container = '', mode = 'rw'] = text.split(':')
  return mountsOf(container)
    .filter((mount) => mount.type === 'bind' || mount.type === 'volume')
    .map((mount) => (mode.split(',').includes('ro') ? { ...mount, readonly: true } : mount))
}
