import { textAt } from './look.ts'
import type { Check, Verdict } from './verdict.ts'

interface Limit {
  readonly path: string
  readonly name: string
  readonly least: number
  readonly mend: string
}

// What a few hundred containers use.
const limits: readonly Limit[] = [
  { path: '/proc/sys/kernel/pid_max', name: 'kernel.pid_max', least: 32_768, mend: 'sysctl -w kernel.pid_max=4194304' },
  {
    path: '/proc/sys/kernel/keys/maxkeys',
    name: 'kernel.keys.maxkeys',
    least: 200,
    mend: 'sysctl -w kernel.keys.maxkeys=2000',
  },
  {
    path: '/proc/sys/fs/inotify/max_user_instances',
    name: 'fs.inotify.max_user_instances',
    least: 128,
    mend: 'sysctl -w fs.inotify.max_user_instances=1024',
  },
  {
    path: '/proc/sys/user/max_mnt_namespaces',
    name: 'user.max_mnt_namespaces',
    least: 1000,
    mend: 'sysctl -w user.max_mnt_namespaces=100000',
  },
  {
    path: '/proc/sys/user/max_net_namespaces',
    name: 'user.max_net_namespaces',
    least: 1000,
    mend: 'sysctl -w user.max_net_namespaces=100000',
  },
  { path: '/proc/sys/fs/mount-max', name: 'fs.mount-max', least: 10_000, mend: 'sysctl -w fs.mount-max=100000' },
]

/** The limits that many containers run into. */
export const checkLimits: Check = async () => {
  const verdicts: Verdict[] = []
  for (const { path, name, least, mend } of limits) {
    const text = (await textAt(path)).trim()
    const value = Number(text)
    if (text !== '' && value < least) {
      verdicts.push({
        topic: 'limits',
        verdict: 'warning',
        sentence: `${name} is ${text}: too few for many containers`,
        mend,
      })
    }
  }
  const files = /^Max open files\s+(\S+)\s+(\S+)/m.exec(await textAt('/proc/self/limits'))
  const soft = files?.[1] === 'unlimited' ? Infinity : Number(files?.[1])
  if (soft < 4096) {
    verdicts.push({
      topic: 'limits',
      verdict: 'warning',
      sentence: `A process may have ${String(soft)} open files: too few for many containers`,
      mend: `ulimit -n ${files?.[2] === 'unlimited' ? '1048576' : (files?.[2] ?? '65536')}`,
    })
  }
  if (verdicts.length > 0) return verdicts
  return {
    topic: 'limits',
    verdict: 'ok',
    sentence: 'Processes, open files, namespaces and mounts suffice for hundreds of containers',
  }
}
