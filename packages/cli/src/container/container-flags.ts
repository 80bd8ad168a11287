import type { Flag } from '../flags/flag.ts'
import { parseBytes } from '../format/human-size.ts'
import { boolean, choice, integer, list, parsed, text } from '../flags/flag.ts'
import { parseDuration } from '../format/human-duration.ts'

/** The flags of `run` and `create`: everything a container can be given. */
export type ContainerFlags = {
  readonly 'add-host': Flag<readonly string[]>
  readonly annotation: Flag<readonly string[]>
  readonly attach: Flag<readonly string[]>
  readonly 'blkio-weight': Flag<number | undefined>
  readonly 'blkio-weight-device': Flag<readonly string[]>
  readonly 'cap-add': Flag<readonly string[]>
  readonly 'cap-drop': Flag<readonly string[]>
  readonly 'cgroup-parent': Flag<string | undefined>
  readonly cgroupns: Flag<'host' | 'private' | undefined>
  readonly cidfile: Flag<string | undefined>
  readonly 'cpu-period': Flag<number | undefined>
  readonly 'cpu-quota': Flag<number | undefined>
  readonly 'cpu-rt-period': Flag<number | undefined>
  readonly 'cpu-rt-runtime': Flag<number | undefined>
  readonly 'cpu-shares': Flag<number | undefined>
  readonly cpus: Flag<number | undefined>
  readonly 'cpuset-cpus': Flag<string | undefined>
  readonly 'cpuset-mems': Flag<string | undefined>
  readonly device: Flag<readonly string[]>
  readonly 'device-cgroup-rule': Flag<readonly string[]>
  readonly 'device-read-bps': Flag<readonly string[]>
  readonly 'device-read-iops': Flag<readonly string[]>
  readonly 'device-write-bps': Flag<readonly string[]>
  readonly 'device-write-iops': Flag<readonly string[]>
  readonly 'disable-content-trust': Flag<boolean>
  readonly dns: Flag<readonly string[]>
  readonly 'dns-option': Flag<readonly string[]>
  readonly 'dns-search': Flag<readonly string[]>
  readonly domainname: Flag<string | undefined>
  readonly entrypoint: Flag<string | undefined>
  readonly env: Flag<readonly string[]>
  readonly 'env-file': Flag<readonly string[]>
  readonly expose: Flag<readonly string[]>
  readonly gpus: Flag<string | undefined>
  readonly 'group-add': Flag<readonly string[]>
  readonly gidmap: Flag<readonly string[]>
  readonly 'health-cmd': Flag<string | undefined>
  readonly 'health-interval': Flag<number | undefined>
  readonly 'health-on-failure': Flag<'none' | 'kill' | 'restart' | 'stop' | undefined>
  readonly 'health-retries': Flag<number | undefined>
  readonly 'health-start-interval': Flag<number | undefined>
  readonly 'health-start-period': Flag<number | undefined>
  readonly 'health-timeout': Flag<number | undefined>
  readonly hostname: Flag<string | undefined>
  readonly init: Flag<boolean>
  readonly interactive: Flag<boolean>
  readonly ip: Flag<string | undefined>
  readonly ip6: Flag<string | undefined>
  readonly ipc: Flag<string | undefined>
  readonly isolation: Flag<string | undefined>
  readonly label: Flag<readonly string[]>
  readonly 'label-file': Flag<readonly string[]>
  readonly 'log-driver': Flag<string | undefined>
  readonly 'log-opt': Flag<readonly string[]>
  readonly 'mac-address': Flag<string | undefined>
  readonly memory: Flag<number | undefined>
  readonly 'memory-reservation': Flag<number | undefined>
  readonly 'memory-swap': Flag<number | undefined>
  readonly 'memory-swappiness': Flag<number | undefined>
  readonly mount: Flag<readonly string[]>
  readonly name: Flag<string | undefined>
  readonly net: Flag<readonly string[]>
  readonly network: Flag<readonly string[]>
  readonly 'network-alias': Flag<readonly string[]>
  readonly 'no-healthcheck': Flag<boolean>
  readonly 'oom-kill-disable': Flag<boolean>
  readonly 'oom-score-adj': Flag<number | undefined>
  readonly pid: Flag<string | undefined>
  readonly 'pids-limit': Flag<number | undefined>
  readonly platform: Flag<string | undefined>
  readonly privileged: Flag<boolean>
  readonly publish: Flag<readonly string[]>
  readonly 'publish-all': Flag<boolean>
  readonly 'publish-mode': Flag<'nat' | 'proxy' | undefined>
  readonly pull: Flag<'always' | 'missing' | 'never' | undefined>
  readonly quiet: Flag<boolean>
  readonly 'read-only': Flag<boolean>
  readonly restart: Flag<string | undefined>
  readonly rm: Flag<boolean>
  readonly runtime: Flag<string | undefined>
  readonly secret: Flag<readonly string[]>
  readonly 'security-opt': Flag<readonly string[]>
  readonly 'shm-size': Flag<number | undefined>
  readonly 'stop-signal': Flag<string | undefined>
  readonly 'stop-timeout': Flag<number | undefined>
  readonly 'storage-opt': Flag<readonly string[]>
  readonly subgidname: Flag<string | undefined>
  readonly subuidname: Flag<string | undefined>
  readonly sysctl: Flag<readonly string[]>
  readonly tmpfs: Flag<readonly string[]>
  readonly tty: Flag<boolean>
  readonly uidmap: Flag<readonly string[]>
  readonly tz: Flag<string | undefined>
  readonly umask: Flag<string | undefined>
  readonly ulimit: Flag<readonly string[]>
  readonly user: Flag<string | undefined>
  readonly userns: Flag<string | undefined>
  readonly uts: Flag<string | undefined>
  readonly volume: Flag<readonly string[]>
  readonly 'volume-driver': Flag<string | undefined>
  readonly 'volumes-from': Flag<readonly string[]>
  readonly workdir: Flag<string | undefined>
}

const bytes = (help: string, short?: string): Flag<number | undefined> =>
  parsed(help, 'bytes', parseBytes, short === undefined ? {} : { short })
const duration = (help: string): Flag<number | undefined> => parsed(help, 'duration', nanoseconds)

const healthActions = ['none', 'kill', 'restart', 'stop'] as const

/** See {@link ContainerFlags}. */
export const containerFlags: ContainerFlags = {
  'add-host': list('Add a custom host-to-IP mapping (host:ip)'),
  annotation: list('Add an annotation to the container (passed through to the OCI runtime)', { type: 'map' }),
  attach: list('Attach to STDIN, STDOUT or STDERR', { short: 'a', check: checkStream }),
  'blkio-weight': integer('Block IO (relative weight), between 10 and 1000, or 0 to disable'),
  'blkio-weight-device': list('Block IO weight (relative device weight)'),
  'cap-add': list('Add Linux capabilities'),
  'cap-drop': list('Drop Linux capabilities'),
  'cgroup-parent': text('Optional parent cgroup for the container'),
  cgroupns: choice('Cgroup namespace to use (host|private)', ['host', 'private']),
  cidfile: text('Write the container ID to the file'),
  'cpu-period': integer('Limit CPU CFS (Completely Fair Scheduler) period'),
  'cpu-quota': integer('Limit CPU CFS (Completely Fair Scheduler) quota'),
  'cpu-rt-period': integer('Limit CPU real-time period in microseconds'),
  'cpu-rt-runtime': integer('Limit CPU real-time runtime in microseconds'),
  'cpu-shares': integer('CPU shares (relative weight)', { short: 'c' }),
  cpus: parsed('Number of CPUs', 'decimal', decimal),
  'cpuset-cpus': text('CPUs in which to allow execution (0-3, 0,1)'),
  'cpuset-mems': text('MEMs in which to allow execution (0-3, 0,1)'),
  device: list('Add a host device to the container'),
  'device-cgroup-rule': list('Add a rule to the cgroup allowed devices list'),
  'device-read-bps': list('Limit read rate (bytes per second) from a device'),
  'device-read-iops': list('Limit read rate (IO per second) from a device'),
  'device-write-bps': list('Limit write rate (bytes per second) to a device'),
  'device-write-iops': list('Limit write rate (IO per second) to a device'),
  'disable-content-trust': boolean('Of no effect: images are known by their digests', { initial: true }),
  dns: list('Set custom DNS servers'),
  'dns-option': list('Set DNS options'),
  'dns-search': list('Set custom DNS search domains'),
  domainname: text('Container NIS domain name'),
  entrypoint: text('Overwrite the default ENTRYPOINT of the image'),
  env: list('Set environment variables', { short: 'e', check: checkVariable }),
  'env-file': list('Read in a file of environment variables'),
  expose: list('Expose a port or a range of ports'),
  gidmap: list('Map groups in a user namespace of the container (container:host:amount)'),
  gpus: text("GPU devices to add to the container ('all' to pass all GPUs)", { type: 'gpu-request' }),
  'group-add': list('Add additional groups to join'),
  'health-cmd': text('Command to run to check health'),
  'health-interval': duration('Time between running the check (ms|s|m|h)'),
  'health-on-failure': choice('What to do when it is unhealthy (none, kill, restart, stop)', healthActions),
  'health-retries': integer('Consecutive failures needed to report unhealthy'),
  'health-start-interval': duration('Time between checks during the start period (ms|s|m|h)'),
  'health-start-period': duration('Time the container has to start before failures count (ms|s|m|h)'),
  'health-timeout': duration('Maximum time to allow one check to run (ms|s|m|h)'),
  hostname: text('Container host name', { short: 'h' }),
  init: boolean('Run an init inside the container that forwards signals and reaps processes'),
  interactive: boolean('Keep STDIN open even if not attached', { short: 'i' }),
  ip: text('IPv4 address (e.g., 172.30.100.104)'),
  ip6: text('IPv6 address (e.g., 2001:db8::33)'),
  ipc: text('IPC mode to use'),
  isolation: text('Container isolation technology (default is the only one)'),
  label: list('Set meta data on a container', { short: 'l' }),
  'label-file': list('Read in a line delimited file of labels'),
  'log-driver': text('Logging driver for the container (local, json-file, journald, none)'),
  'log-opt': list('Log driver options (max-size=10m, max-file=3)'),
  'mac-address': text('Container MAC address (e.g., 92:d0:c6:0a:29:33)'),
  memory: bytes('Memory limit', 'm'),
  'memory-reservation': bytes('Memory soft limit'),
  'memory-swap': parsed("Swap limit equal to memory plus swap: '-1' to enable unlimited swap", 'bytes', (value) =>
    value === '-1' ? -1 : parseBytes(value),
  ),
  'memory-swappiness': integer('Tune container memory swappiness (0 to 100)'),
  mount: list('Attach a filesystem mount to the container', { type: 'mount' }),
  name: text('Assign a name to the container'),
  net: list('The same as --network', { type: 'network' }),
  network: list('Connect a container to a network', { type: 'network' }),
  'network-alias': list('Add network-scoped alias for the container'),
  'no-healthcheck': boolean('Disable any container-specified HEALTHCHECK'),
  'oom-kill-disable': boolean('Disable OOM Killer'),
  'oom-score-adj': integer("Tune host's OOM preferences (-1000 to 1000)"),
  pid: text('PID namespace to use'),
  'pids-limit': integer('Tune container pids limit (set -1 for unlimited)'),
  platform: text('Set platform if the image is for several'),
  privileged: boolean('Give extended privileges to this container'),
  publish: list("Publish a container's port(s) to the host", { short: 'p' }),
  'publish-all': boolean('Publish all exposed ports to random ports', { short: 'P' }),
  'publish-mode': choice(
    'How published ports lead to the container: past the rules of the host for its own services (nat), or under them (proxy)',
    ['nat', 'proxy'],
  ),
  pull: choice('Pull image before creating ("always", "missing", "never")', ['always', 'missing', 'never'], {
    initial: 'missing',
  }),
  quiet: boolean('Suppress the pull output', { short: 'q' }),
  'read-only': boolean("Mount the container's root filesystem as read only"),
  restart: text('Restart policy to apply when a container exits', { initial: 'no' }),
  rm: boolean('Automatically remove the container and its associated anonymous volumes when it exits'),
  runtime: text('Runtime to use for this container'),
  secret: list('Give it a secret (NAME[,type=env][,target=…])'),
  'security-opt': list('Security Options'),
  'shm-size': bytes('Size of /dev/shm'),
  'stop-signal': text('Signal to stop the container'),
  'stop-timeout': integer('Timeout (in seconds) to stop a container'),
  'storage-opt': list('Storage driver options for the container (none is known)', { type: 'map' }),
  subgidname: text('Map groups as the lines of this name in /etc/subgid say'),
  subuidname: text('Map users as the lines of this name in /etc/subuid say'),
  sysctl: list('Sysctl options', { type: 'map' }),
  tmpfs: list('Mount a tmpfs directory'),
  tty: boolean('Allocate a pseudo-TTY', { short: 't' }),
  uidmap: list('Map users in a user namespace of the container (container:host:amount)'),
  tz: text("Time zone of the container: a name such as Europe/Berlin, or 'local' for the host's"),
  umask: text('Umask of the container (octal, 0022 otherwise)', { type: 'mode' }),
  ulimit: list('Ulimit options', { type: 'ulimit' }),
  user: text('Username or UID (format: <name|uid>[:<group|gid>])', { short: 'u' }),
  userns: text('User namespace to use (host, auto[:OPTION=VALUE,...], keep-id[:OPTION=VALUE,...])'),
  uts: text('UTS namespace to use'),
  volume: list('Bind mount a volume', { short: 'v' }),
  'volume-driver': text('Volume driver of the container (local)'),
  'volumes-from': list('Mount volumes from the specified container(s)'),
  workdir: text('Working directory inside the container', { short: 'w' }),
}

function checkStream(value: string): void {
  if (!['stdin', 'stdout', 'stderr'].includes(value.toLowerCase()))
    throw new Error('valid streams are STDIN, STDOUT and STDERR')
}

function checkVariable(value: string): void {
  if (value === '' || value.startsWith('=')) throw new Error(`invalid environment variable: ${value}`)
}

function decimal(value: string): number {
  const number = Number(value)
  if (value.trim() === '' || !Number.isFinite(number) || number < 0)
    throw new Error(`"${value}" is not a number of CPUs`)
  return number
}

function nanoseconds(value: string): number {
  const milliseconds = parseDuration(value)
  if (milliseconds === undefined || milliseconds < 0) throw new Error(`"${value}" is not a duration such as 30s`)
  return Math.round(milliseconds * 1e6)
}
