import type { OciProgram } from '../oci/oci-command.ts'
import type { Stdio } from '../task.ts'
import type { TaskFiles } from './task-files.ts'

/** Arguments that every conmon of Gantry has. */
function common(program: OciProgram, id: string, files: { pid: string; monitorPid: string }): string[] {
  return [
    '--api-version',
    '1',
    '--cid',
    id,
    '--cuuid',
    id,
    '--name',
    id,
    '--runtime',
    program.path,
    '--runtime-arg',
    '--root',
    '--runtime-arg',
    program.root,
    ...(program.args.includes('--systemd-cgroup') ? ['--systemd-cgroup'] : []),
    '--container-pidfile',
    files.pid,
    '--conmon-pidfile',
    files.monitorPid,
    '--full-attach',
    '--no-sync-log',
    '--log-level',
    'error',
  ]
}

/** Arguments for the monitor of a container. */
export function monitorArguments(
  program: OciProgram,
  files: TaskFiles,
  options: { readonly id: string; readonly bundle: string; readonly stdio: Stdio; readonly restore?: string },
): string[] {
  const { stdio } = options
  return [
    ...common(program, options.id, files),
    '--bundle',
    options.bundle,
    '--exit-dir',
    files.exits,
    ...logArguments(stdio),
    ...(options.restore === undefined ? [] : ['--restore', options.restore, '--runtime-opt', '--file-locks']),
    ...(stdio.terminal ? ['--terminal'] : []),
    ...(stdio.stdin ? ['--stdin'] : []),
    ...(leavesInputOpen(stdio) ? ['--leave-stdin-open'] : []),
  ]
}

function logArguments({ log, logSizeMax, journal }: Stdio): string[] {
  return [
    ...(log === undefined ? [] : ['--log-path', `k8s-file:${log}`]),
    ...(journal === undefined ? [] : ['--log-path', 'journald', '--log-tag', journal]),
    ...(log === undefined && journal === undefined ? ['--log-path', 'none'] : []),
    ...(logSizeMax === undefined ? [] : ['--log-size-max', String(logSizeMax)]),
  ]
}

/** Arguments for the monitor of a program that is executed in a container. */
export function execArguments(
  program: OciProgram,
  options: {
    readonly id: string
    readonly directory: string
    readonly pid: string
    readonly monitorPid: string
    readonly processSpec: string
    readonly terminal: boolean
    readonly stdin: boolean
  },
): string[] {
  return [
    ...common(program, options.id, options),
    '--bundle',
    options.directory,
    '--log-path',
    'off',
    '--exec',
    '--exec-attach',
    '--exec-process-spec',
    options.processSpec,
    ...(options.terminal ? ['--terminal'] : []),
    ...(options.stdin ? ['--stdin'] : []),
    ...(options.stdin && options.terminal ? ['--leave-stdin-open'] : []),
  ]
}

/**
 * Whether conmon keeps the input open when a client goes. A terminal must stay: closing it would hang it up. An input that is not
 * for one client only stays for the next.
 */
export function leavesInputOpen(stdio: Pick<Stdio, 'terminal' | 'stdin' | 'stdinOnce'>): boolean {
  return stdio.stdin && (stdio.terminal || stdio.stdinOnce !== true)
}
