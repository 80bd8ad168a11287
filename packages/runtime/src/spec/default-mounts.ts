import type { MountSpec } from './runtime-spec.ts'

/** Files of the host that stand for files of the container. */
export interface ContainerFiles {
  readonly resolvConf?: string
  readonly hostname?: string
  readonly hosts?: string
}

/**
 * Docker's mounts before those of the user, in Docker's order. `shmSize` is in bytes; 64 MiB by default. `hostSystem` shows the host's
 * /sys: a new one may be mounted only by who owns the network. `ttyGroup` is false where no group has the number of `tty`.
 */
export function defaultMounts(
  options: { shmSize?: number; cgroupWritable?: boolean; hostSystem?: boolean; ttyGroup?: boolean } = {},
): readonly MountSpec[] {
  const access = options.cgroupWritable === true ? 'rw' : 'ro'
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: [
        'nosuid',
        'noexec',
        'newinstance',
        'ptmxmode=0666',
        'mode=0620',
        ...(options.ttyGroup === false ? [] : ['gid=5']),
      ],
    },
    options.hostSystem === true
      ? {
          destination: '/sys',
          type: 'bind',
          source: '/sys',
          options: ['rbind', 'rprivate', 'nosuid', 'noexec', 'nodev', 'ro'],
        }
      : { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', access] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: [access, 'nosuid', 'noexec', 'nodev'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${String(options.shmSize ?? 67_108_864)}`],
    },
  ]
}

/** Binds of /etc/resolv.conf, /etc/hostname and /etc/hosts; writable, so that a program may edit its own copy. */
export function fileMounts(files: ContainerFiles): readonly MountSpec[] {
  return [
    ...bind(files.resolvConf, '/etc/resolv.conf'),
    ...bind(files.hostname, '/etc/hostname'),
    ...bind(files.hosts, '/etc/hosts'),
  ]
}

function bind(source: string | undefined, destination: string): MountSpec[] {
  return source === undefined ? [] : [{ destination, type: 'bind', source, options: ['rbind', 'rprivate'] }]
}
