import { packageOf } from '@gantry/process'
import type { HostTool } from '../host/host.ts'
import { firstLine, isOlder } from './look.ts'
import type { Check, Checked, Verdict } from './verdict.ts'

/** The runtime, its monitor, and the programs that make networks and names. */
export const checkPrograms: Check = (checked) =>
  Promise.all([
    runtime(checked),
    program(checked, 'conmon', {
      topic: 'monitor',
      use: 'keeps the output and exit code of each container',
      needed: true,
      since: { version: [2, 1], why: 'exit codes of "gantry exec" are lost' },
    }),
    program(checked, 'ip', { topic: 'links', use: 'makes the links of containers', needed: true, version: '-V' }),
    program(checked, 'aardvark-dns', { topic: 'names', use: 'answers the names of containers', needed: false }),
    program(checked, 'catatonit', { topic: 'init', use: 'is the first process with --init', needed: false }),
  ])

async function runtime({ host }: Checked): Promise<Verdict> {
  const path = host.tools[host.runtime]
  if (path === undefined) {
    const other = host.runtime === 'runc' && host.tools.crun !== undefined
    return {
      topic: 'runtime',
      verdict: 'failure',
      sentence: other
        ? 'crun is there, but it refuses the hybrid control groups of this machine, and runc is missing'
        : 'Neither runc nor crun is on this machine: no container can be started',
      ...install('runc'),
    }
  }
  const version = await firstLine(path, ['--version'])
  if (version === undefined) {
    return { topic: 'runtime', verdict: 'failure', sentence: `${path} does not run`, ...install(host.runtime) }
  }
  const why = host.cgroup.mode === 'hybrid' ? ', chosen since crun refuses hybrid control groups' : ''
  return { topic: 'runtime', verdict: 'ok', sentence: `${version} (${path})${why}` }
}

async function program(
  { host }: Checked,
  tool: HostTool,
  about: {
    readonly topic: string
    readonly use: string
    readonly needed: boolean
    readonly version?: string
    readonly since?: { readonly version: readonly [major: number, minor: number]; readonly why: string }
  },
): Promise<Verdict> {
  const { topic } = about
  const path = host.tools[tool]
  const missing = about.needed ? 'failure' : 'warning'
  if (path === undefined) {
    return { topic, verdict: missing, sentence: `${tool} is missing: it ${about.use}`, ...install(tool) }
  }
  const version = await firstLine(path, [about.version ?? '--version'])
  if (version === undefined) return { topic, verdict: missing, sentence: `${path} does not run`, ...install(tool) }
  const { since } = about
  if (since !== undefined && isOlder(version, since.version)) {
    const sentence = `${version} (${path}) is too old, before ${since.version.join('.')}: ${since.why}`
    return { topic, verdict: missing, sentence }
  }
  return { topic, verdict: 'ok', sentence: `${version} (${path})` }
}

function install(tool: string): { mend?: string } {
  const hint = packageOf(tool)
  return hint === undefined ? {} : { mend: hint.install }
}
