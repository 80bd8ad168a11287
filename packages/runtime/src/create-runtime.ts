import { join } from 'node:path'
import type { Host, Ledger, Site } from '@gantry/linux'
import { cgroupReader } from './cgroup/cgroup-reader.ts'
import { ParentGroups } from './cgroup/parent-group.ts'
import { Criu } from './checkpoint/criu.ts'
import { ConmonRuntime } from './conmon/conmon-runtime.ts'
import { ExitWatch } from './conmon/exit-watch.ts'
import { MonitorWatch } from './conmon/monitor-watch.ts'
import type { OciProgram } from './oci/oci-command.ts'
import { commandLifecycle } from './oci/oci-lifecycle.ts'
import { runcLifecycle } from './oci/runc-shortcuts.ts'
import { RuntimeError } from './runtime-error.ts'
import { forbiddenRuntime, rootlessRuntime } from './rootless-runtime.ts'
import type { Runtime } from './task.ts'

/** What a runtime is made of. */
export interface RuntimeParts {
  readonly site: Site
  readonly host: Host
  readonly ledger: Ledger
  /** Milliseconds that one command of the OCI runtime may take. Default: two minutes. */
  readonly patience?: number
  /** Absolute path of another OCI runtime program than the host's choice. */
  readonly program?: { readonly name: 'runc' | 'crun'; readonly path: string }
}

/** A machine that swaps, or a cold disk, may keep a healthy runtime busy for tens of seconds. */
const defaultPatience = 120_000

/**
 * The runtime for this host: crun or runc, whichever the host supports, under conmon; with systemd's control groups where systemd
 * is the init. In a user namespace one for build steps alone. Touches neither disk nor processes until it is used.
 * @throws RuntimeError RUNTIME_MISSING, MONITOR_MISSING
 */
export function createRuntime(parts: RuntimeParts): Runtime {
  const { site, host, ledger } = parts
  // In a user namespace crun waits for the guard of a step too, which lives as long as the build: it would never end.
  const name = parts.program?.name ?? (host.privileges.machine ? host.runtime : 'runc')
  const path = parts.program?.path ?? host.tools[name]
  const monitorPath = host.tools.conmon
  if (!host.privileges.mounts) return forbiddenRuntime(name)
  if (path === undefined) {
    throw new RuntimeError('RUNTIME_MISSING', `Cannot run containers: "${name}" is not installed`, {
      subject: name,
      hint: `install the package "${name}"`,
    })
  }
  if (!host.privileges.machine) return rootlessRuntime({ site, host, ledger, name, path })
  if (monitorPath === undefined) {
    throw new RuntimeError('MONITOR_MISSING', 'Cannot run containers: "conmon" is not installed', {
      subject: 'conmon',
      hint: 'install the package "conmon"',
    })
  }
  const root = join(site.run, 'oci')
  const program: OciProgram = {
    name,
    path,
    root,
    patience: parts.patience ?? defaultPatience,
    args: ['--root', root, ...(host.cgroup.manager === 'systemd' ? ['--systemd-cgroup'] : [])],
  }
  return new ConmonRuntime({
    run: site.run,
    ledger,
    parents: new ParentGroups(ledger, host.cgroup),
    shared: {
      program,
      monitorPath,
      criu: new Criu(host.tools.criu),
      lifecycle: name === 'runc' ? runcLifecycle(program) : commandLifecycle(program),
      exits: new ExitWatch(join(site.run, 'exits')),
      monitors: new MonitorWatch(),
      cgroups: cgroupReader(host.cgroup),
    },
  })
}
