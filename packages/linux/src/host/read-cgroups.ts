import { existsSync, readFileSync } from 'node:fs'
import type { HostCgroup } from './host.ts'

let known: HostCgroup | undefined

/** The control groups of this host, from the mount table. Read once per process. */
export function readCgroups(): HostCgroup {
  known ??= cgroupsOf(readFileSync('/proc/self/mountinfo', 'utf8'), existsSync('/run/systemd/system'))
  return known
}

/** The control groups that a mount table shows. Pure but for the list of controllers, which the unified tree tells. */
export function cgroupsOf(mountinfo: string, systemd: boolean): HostCgroup {
  const hierarchies: string[] = []
  const controllers = new Set<string>()
  let unified: string | undefined
  for (const line of mountinfo.split('\n')) {
    const [head = '', tail = ''] = line.split(' - ')
    const point = head.split(' ')[4]
    const [type, , options = ''] = tail.split(' ')
    if (point === undefined) continue
    if (type === 'cgroup2') unified ??= point
    if (type !== 'cgroup' || hierarchies.includes(point)) continue
    hierarchies.push(point)
    for (const option of options.split(',')) if (v1Controllers.has(option)) controllers.add(option)
  }
  const mode = hierarchies.length === 0 ? 'v2' : unified === undefined ? 'v1' : 'hybrid'
  if (unified !== undefined) for (const name of delegated(unified)) controllers.add(name)
  return {
    mode,
    manager: systemd ? 'systemd' : 'cgroupfs',
    controllers: [...controllers].toSorted(),
    unified,
    hierarchies,
  }
}

const v1Controllers: ReadonlySet<string> = new Set([
  'blkio',
  'cpu',
  'cpuacct',
  'cpuset',
  'devices',
  'freezer',
  'hugetlb',
  'memory',
  'net_cls',
  'net_prio',
  'perf_event',
  'pids',
  'rdma',
  'misc',
])

function delegated(unified: string): readonly string[] {
  try {
    return readFileSync(`${unified}/cgroup.controllers`, 'utf8').trim().split(' ').filter(Boolean)
  } catch {
    return []
  }
}
