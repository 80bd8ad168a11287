import { notSupported } from '../http/api-failure.ts'
import { isBlank } from './face.ts'
import type { Fields } from './fields.ts'

const hostMembers = new Set([
  'Binds',
  'ContainerIDFile',
  'LogConfig',
  'NetworkMode',
  'PortBindings',
  'PublishMode',
  'RestartPolicy',
  'AutoRemove',
  'VolumesFrom',
  'Mounts',
  'ConsoleSize',
  'Annotations',
  'CapAdd',
  'CapDrop',
  'CgroupnsMode',
  'Dns',
  'DnsOptions',
  'DnsSearch',
  'ExtraHosts',
  'GroupAdd',
  'IpcMode',
  'OomScoreAdj',
  'PidMode',
  'Privileged',
  'PublishAllPorts',
  'ReadonlyRootfs',
  'SecurityOpt',
  'Tmpfs',
  'UTSMode',
  'Umask',
  'ShmSize',
  'Sysctls',
  'Runtime',
  'Isolation',
  'UsernsMode',
  'IDMappings',
  'CpuShares',
  'Memory',
  'NanoCpus',
  'CpuPeriod',
  'CpuQuota',
  'CpusetCpus',
  'CpusetMems',
  'Devices',
  'MemoryReservation',
  'MemorySwap',
  'PidsLimit',
  'Ulimits',
  'Init',
  'MaskedPaths',
  'ReadonlyPaths',
  'BlkioWeight',
  'BlkioWeightDevice',
  'BlkioDeviceReadBps',
  'BlkioDeviceWriteBps',
  'BlkioDeviceReadIOps',
  'BlkioDeviceWriteIOps',
  'MemorySwappiness',
  'OomKillDisable',
  'CpuRealtimePeriod',
  'CpuRealtimeRuntime',
  'CgroupParent',
  'DeviceCgroupRules',
  'DeviceRequests',
  'Secrets',
  'VolumeDriver',
])

/** Refuses what is asked for and cannot be given, by its name. A limit or a check that is silently not there is worse than none.
 * @throws ApiFailure 501 */
export function refuseUnsupported(host: Fields): void {
  for (const name of host.names) {
    if (!hostMembers.has(name) && !isBlank(host.raw(name))) throw notSupported(`HostConfig.${name}`)
  }
  const volumes = host.text('VolumeDriver') ?? ''
  if (volumes !== '' && volumes !== 'local') throw notSupported(`HostConfig.VolumeDriver "${volumes}"`)
  const runtime = host.text('Runtime') ?? ''
  if (!['', 'runc', 'crun', 'io.containerd.runc.v2'].includes(runtime))
    throw notSupported(`HostConfig.Runtime "${runtime}"`)
  if (!['', 'default'].includes(host.text('Isolation') ?? '')) throw notSupported('HostConfig.Isolation')
}
