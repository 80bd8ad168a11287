import { outputOf } from './command.ts'
import type { Engine } from './peers/engine.ts'

/** How a container is shut in, as it sees it itself. */
export interface Isolation {
  readonly capabilities: string
  readonly seccomp: string
  readonly noNewPrivileges: string
  /** What is mounted over parts of /proc and /sys: path and whether it is read-only. */
  readonly masks: string
  readonly limits: string
}

const probe = [
  'grep -E "^(Cap|Seccomp:|NoNewPrivs)" /proc/self/status',
  'echo --masks',
  // A masked file shows as a device, a masked directory as an empty read-only tmpfs, a read-only path as "ro".
  'awk \'$5 ~ "^/(proc|sys)(/|$)" && $5 !~ "^/sys/fs/cgroup" { split($6, o, ","); print $5, o[1] }\' /proc/self/mountinfo | sort',
  'echo --limits',
  'for f in pids/pids.max memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes cpu/cpu.shares cpu/cpu.cfs_quota_us pids.max memory.max cpu.max cpu.weight; do [ -r /sys/fs/cgroup/$f ] && echo "$f $(cat /sys/fs/cgroup/$f)"; done; true',
].join('; ')

/** Looks at a container of the engine from inside. */
export async function isolationOf(engine: Engine, image: string): Promise<Isolation> {
  const text = await outputOf([...engine.command, 'run', '--rm', image, 'sh', '-c', probe], { env: engine.env })
  return readIsolation(text)
}

/** Reads what the probe prints. */
export function readIsolation(text: string): Isolation {
  const [status = '', rest = ''] = text.split('--masks\n')
  const [masks = '', limits = ''] = rest.split('--limits\n')
  const field = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? 'absent'
  const capabilities = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']
    .map((name) => `${name} ${field(name)}`)
    .join(', ')
  return {
    capabilities,
    seccomp: field('Seccomp'),
    noNewPrivileges: field('NoNewPrivs'),
    masks: masks.trim(),
    limits: limits.trim(),
  }
}

/** In what two differ: a sentence each; none when they are alike. */
export function differences(one: Isolation, other: Isolation, names: readonly [string, string]): string[] {
  return (Object.keys(one) as (keyof Isolation)[])
    .filter((key) => one[key] !== other[key])
    .map((key) => {
      const [ours, theirs] = [one[key].split('\n'), other[key].split('\n')]
      const only = (lines: readonly string[], others: readonly string[]): string =>
        lines.filter((line) => !others.includes(line)).join('; ') || 'nothing more'
      return `${key}: ${names[0]} has ${only(ours, theirs)}; ${names[1]} has ${only(theirs, ours)}`
    })
}
