import type { MountPoint } from '@gantry/client'
import type { ContainerMount } from '@gantry/engine'

/** A container's mounts as inspect and lists show them. Tmpfs is told by the host configuration, as Docker does. */
export function mountPoints(mounts: readonly ContainerMount[], volumePath: (name: string) => string): MountPoint[] {
  return mounts.flatMap((mount): MountPoint[] => {
    if (mount.type === 'tmpfs') return []
    const mode = mount.readonly ? 'ro' : ''
    if (mount.type === 'bind')
      return [
        {
          Type: 'bind',
          Source: mount.source,
          Destination: mount.target,
          Mode: mode,
          RW: !mount.readonly,
          Propagation: mount.propagation === '' ? 'rprivate' : mount.propagation,
        },
      ]
    if (mount.type === 'image')
      return [{ Type: 'image', Source: mount.image, Destination: mount.target, Mode: 'ro', RW: false, Propagation: '' }]
    return [
      {
        Type: 'volume',
        Name: mount.name,
        Source: volumePath(mount.name),
        Destination: mount.target,
        Driver: 'local',
        Mode: mode === '' ? 'z' : mode,
        RW: !mount.readonly,
        Propagation: '',
      },
    ]
  })
}
