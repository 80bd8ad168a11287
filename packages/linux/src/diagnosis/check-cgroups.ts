import type { Check, Verdict } from './verdict.ts'

const wanted = ['cpu', 'cpuset', 'memory', 'pids'] as const

/** The mode of the control groups and the controllers that limits need. */
export const checkCgroups: Check = async ({ host }) => {
  const { mode, manager, controllers } = host.cgroup
  const who = manager === 'systemd' ? 'made through systemd' : 'made in the file system'
  const found = `${mode === 'hybrid' ? 'hybrid (v1 controllers beside a unified tree)' : mode}, ${who}: ${controllers.join(' ')}`
  if (controllers.length === 0) {
    return {
      topic: 'cgroups',
      verdict: 'failure',
      sentence: 'No control groups are mounted: containers could have no limits',
      mend: 'mount -t cgroup2 cgroup2 /sys/fs/cgroup',
    }
  }
  const missing = wanted.filter((name) => !controllers.includes(name))
  const verdicts: Verdict[] = []
  if (missing.length > 0) {
    verdicts.push({
      topic: 'cgroups',
      verdict: 'warning',
      sentence: `${found}; without ${missing.join(', ')} some limits cannot be set`,
      mend: mend(missing),
    })
  } else if (mode === 'v2') {
    verdicts.push({ topic: 'cgroups', verdict: 'ok', sentence: found })
  } else {
    verdicts.push({
      topic: 'cgroups',
      verdict: 'warning',
      sentence: `${found}; everything works, v2 has better memory limits and pressure figures`,
      mend: 'Start the kernel with systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all',
    })
  }
  return verdicts
}

function mend(missing: readonly string[]): string {
  return missing.includes('memory')
    ? 'Start the kernel with cgroup_enable=memory'
    : `echo '${missing.map((name) => `+${name}`).join(' ')}' > /sys/fs/cgroup/cgroup.subtree_control`
}
