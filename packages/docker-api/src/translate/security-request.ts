import type { NamespaceChoice, Security } from '@gantry/engine'
import { badRequest, notSupported } from '../http/api-failure.ts'
import { defined, type Fields } from './fields.ts'

/** Reads what a container may do. @throws ApiFailure 400, 501 */
export function securityOf(host: Fields): Partial<Security> {
  return defined({
    privileged: host.flag('Privileged'),
    capAdd: host.texts('CapAdd')?.map(capability),
    capDrop: host.texts('CapDrop')?.map(capability),
    groupAdd: host.texts('GroupAdd'),
    maskedPaths: host.texts('MaskedPaths'),
    readonlyPaths: host.texts('ReadonlyPaths'),
    devices: devices(host),
    deviceRules: host.texts('DeviceCgroupRules'),
    ...deviceRequests(host),
    ...securityOptions(host.texts('SecurityOpt') ?? []),
  })
}

/** Devices that are asked for by what they are: those of the Container Device Interface, and GPUs. @throws ApiFailure 501 */
function deviceRequests(host: Fields): Pick<Security, 'cdi' | 'gpus'> {
  const cdi: string[] = []
  let gpus: Security['gpus']
  for (const request of host.objects('DeviceRequests')) {
    const driver = request.text('Driver') ?? ''
    const ids = request.texts('DeviceIDs') ?? []
    const count = request.number('Count') ?? 0
    if (driver === 'cdi') {
      cdi.push(...ids)
      continue
    }
    const capabilities = request.raw('Capabilities')
    const isGpu = Array.isArray(capabilities) && capabilities.some((all) => Array.isArray(all) && all.includes('gpu'))
    if (!isGpu || !['', 'nvidia', 'amd'].includes(driver))
      throw notSupported(`HostConfig.DeviceRequests of the driver "${driver}" that are no GPUs`)
    gpus = ids.length > 0 ? ids : count === -1 ? 'all' : count
  }
  return { ...(cdi.length === 0 ? {} : { cdi }), ...(gpus === undefined ? {} : { gpus }) }
}

function capability(text: string): string {
  const name = text.toUpperCase()
  return name === 'ALL' || name.startsWith('CAP_') ? name : `CAP_${name}`
}

function devices(host: Fields): Security['devices'] | undefined {
  const list = host.objects('Devices').map((device) => {
    const source = device.text('PathOnHost') ?? ''
    return {
      source,
      target: device.text('PathInContainer') || source,
      access: device.text('CgroupPermissions') || 'rwm',
    }
  })
  return list.length === 0 ? undefined : list
}

function securityOptions(options: readonly string[]): Partial<Security> {
  const found: { -readonly [K in keyof Security]?: Security[K] } = {}
  for (const option of options) {
    const [key, value] = splitOption(option)
    switch (key) {
      case 'no-new-privileges':
        found.noNewPrivileges = value === undefined || value === 'true'
        break
      case 'seccomp':
        found.seccomp =
          value === 'unconfined' ? 'unconfined' : value === 'builtin' ? 'default' : { profile: profile(value) }
        break
      case 'apparmor':
        found.apparmor = value ?? ''
        break
      case 'systempaths':
        if (value !== 'unconfined') throw badRequest(`invalid --security-opt: ${option}`)
        found.maskedPaths = []
        found.readonlyPaths = []
        break
      case 'label':
        // SELinux's labels: none are set, so that "disable" is what holds.
        if (value !== 'disable') throw notSupported(`security option "${option}": labels of SELinux`)
        break
      default:
        throw badRequest(`invalid --security-opt: ${option}`)
    }
  }
  return found
}

/** `key=value`, and the older `key:value`. */
function splitOption(option: string): [string, string | undefined] {
  const at = /[=:]/.exec(option)?.index
  return at === undefined ? [option, undefined] : [option.slice(0, at), option.slice(at + 1)]
}

function profile(text: string | undefined): string {
  try {
    JSON.parse(text ?? '')
  } catch {
    throw badRequest('invalid --security-opt: the seccomp profile is not JSON')
  }
  return text ?? ''
}

/** Reads which namespaces are shared. @throws ApiFailure 400, 501 */
export function namespacesOf(host: Fields): NamespaceChoice {
  const shared = (name: string): 'host' | { container: string } | undefined => {
    const mode = host.text(name) ?? ''
    if (mode === 'host') return 'host'
    if (mode.startsWith('container:')) return { container: mode.slice('container:'.length) }
    if (mode === '' || mode === 'private' || mode === 'shareable') return undefined
    throw notSupported(`HostConfig.${name} "${mode}"`)
  }
  const cgroup = host.text('CgroupnsMode') ?? ''
  if (cgroup !== '' && cgroup !== 'host' && cgroup !== 'private')
    throw badRequest(`invalid cgroup namespace mode: ${cgroup}`)
  const uts = host.text('UTSMode') ?? ''
  if (uts !== '' && uts !== 'host') throw badRequest(`invalid UTS mode: ${uts}`)
  return defined({
    pid: shared('PidMode'),
    ipc: shared('IpcMode'),
    uts: uts === 'host' ? ('host' as const) : undefined,
    cgroup: cgroup === 'host' || cgroup === 'private' ? cgroup : undefined,
  } as const)
}
