import { defaultCapabilities, effectiveCapabilities } from '@gantry/runtime'
import type { ContainerSpec } from './spec.ts'

const telling = ['/', '/etc', '/proc', '/sys', '/dev', '/root', '/boot', '/var/run', '/run', '/var/lib']

/** What of a container makes the walls around it thinner than the defaults, in words, the gravest first. Pure. */
export function weaknesses(
  { security, namespaces, network, mounts, ports, init: _init }: ContainerSpec,
  { root }: { readonly root: string },
): readonly string[] {
  const said: string[] = []
  if (security.privileged)
    said.push(
      '--privileged: every capability and device, no seccomp filter, nothing hidden: root inside is root of this host',
    )
  const more = security.privileged ? [] : added(security)
  if (more.length > 0) said.push(`--cap-add: root inside may also do what ${more.join(', ')} stands for`)
  if (security.seccomp === 'unconfined')
    said.push('seccomp=unconfined: the whole kernel can be called, not 4 calls in 5')
  else if (security.seccomp !== 'default')
    said.push('seccomp: a profile of your own takes the place of the default one')
  if (security.apparmor === 'unconfined') said.push('apparmor=unconfined: no AppArmor profile binds it')
  if (security.maskedPaths?.length === 0)
    said.push('systempaths=unconfined: /proc and /sys of the host can be seen and set')
  if (namespaces.pid === 'host')
    said.push('--pid host: it sees all processes of this host, and may end those of its user')
  if (namespaces.ipc === 'host') said.push('--ipc host: it shares memory and queues with programs of this host')
  if (namespaces.uts === 'host') said.push("--uts host: it has this host's name, and may change it with CAP_SYS_ADMIN")
  if (network.kind === 'host') said.push('--network host: it has the links and ports of this host, localhost included')
  for (const { source } of security.devices) said.push(`--device: it reaches ${source} of this host`)
  for (const rule of security.deviceRules ?? []) said.push(`--device-cgroup-rule: it may open devices "${rule}"`)
  for (const mount of mounts) {
    if (mount.type !== 'bind') continue
    const { source, readonly } = mount
    if (/(docker|gantry|containerd|podman|crio)\.sock$/.test(source))
      said.push(`-v ${source}: who may speak to an engine's socket is root of this host`)
    else if (telling.includes(source) || source === root || source.startsWith(`${root}/`))
      said.push(`-v ${source}: it ${readonly ? 'reads' : 'changes'} a directory that this host itself lives by`)
    else if (!readonly) said.push(`-v ${source}: it changes files of this host`)
  }
  const open = ports.filter(({ hostIp = '' }) => hostIp === '' || hostIp === '0.0.0.0' || hostIp === '::')
  if (open.length > 0)
    said.push(
      `-p: ${open.map(({ containerPort, protocol }) => `${String(containerPort)}/${protocol}`).join(', ')} can be reached from other machines (127.0.0.1:PORT:PORT keeps it to this one)`,
    )
  return said
}

function added({ capAdd, capDrop }: ContainerSpec['security']): readonly string[] {
  return effectiveCapabilities({ add: capAdd, drop: capDrop }).filter((name) => !defaultCapabilities.includes(name))
}
