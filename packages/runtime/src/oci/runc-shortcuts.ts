// The only file that knows what runc keeps on disk (1.1 to 1.3): see decisions/004-runc-shortcuts.md.
//
//   <root>/<id>/exec.fifo   the container's first process blocks opening it for writing; `runc start` opens it, reads one byte
//                           and unlinks it: its absence is what makes `runc state` say "running"
//   <root>/<id>/state.json  init_process_pid, init_process_start, cgroup_paths; `runc delete` removes the groups and the directory
import { constants, readFileSync, rmSync } from 'node:fs'
import { open, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive } from '@gantry/linux'
import type { OciProgram } from './oci-command.ts'
import { awaitStart } from './await-start.ts'
import { commandLifecycle, type OciLifecycle } from './oci-lifecycle.ts'

/**
 * Does what `runc start` and `runc delete` do for an ordinary container, without starting a program (8 ms each), and leaves every
 * other case to the command line: another form of state, hooks, a group that is not empty, a process that still lives.
 */
export function runcLifecycle(program: OciProgram): OciLifecycle {
  const cli = commandLifecycle(program)
  return {
    async start(id) {
      if (!(await startByFifo(join(program.root, id)))) await cli.start(id)
    },
    async remove(id) {
      const done = await removeFiles(join(program.root, id)).catch(() => false)
      if (!done) await cli.remove(id)
    },
  }
}

async function startByFifo(directory: string): Promise<boolean> {
  const path = join(directory, 'exec.fifo')
  const state = readState(directory)
  if (state === undefined) return false
  // Not blocking: a process that has died would never open its end.
  const fifo = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined)
  if (fifo === undefined) return false
  try {
    const buffer = Buffer.alloc(8)
    const hasStarted = await awaitStart(
      async () => (await readSome(fifo, buffer)) > 0,
      () => isAlive(state.init),
    )
    if (hasStarted) await unlink(path).catch(() => {})
    return hasStarted
  } finally {
    await fifo.close()
  }
}

async function readSome(fifo: Awaited<ReturnType<typeof open>>, buffer: Buffer): Promise<number> {
  try {
    return (await fifo.read(buffer, 0, buffer.length, null)).bytesRead
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0
    throw error
  }
}

async function removeFiles(directory: string): Promise<boolean> {
  const state = readState(directory)
  if (state === undefined) return false
  if (!state.plain || isAlive(state.init)) return false
  // Each in a hierarchy of its own: they need not wait for each other, and the kernel may hold one up.
  const gone = await Promise.all(state.cgroups.map((path) => removeGroup(path)))
  // Busy: something still runs in there, which only the runtime may judge.
  if (gone.includes(false)) return false
  // Two or three files: gone before a thread of the pool would have begun.
  rmSync(directory, { recursive: true, force: true })
  return true
}

async function removeGroup(path: string): Promise<boolean> {
  try {
    await rmdir(path)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

interface RuncState {
  readonly init: { readonly pid: number; readonly startTime: string }
  readonly cgroups: readonly string[]
  /** No hooks to run, no resource directory, and its own process numbers, so that its end was the end of all. */
  readonly plain: boolean
}

function readState(directory: string): RuncState | undefined {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8'))
  } catch {
    return undefined
  }
  const state = value as {
    init_process_pid?: unknown
    init_process_start?: unknown
    cgroup_paths?: unknown
    intel_rdt_path?: unknown
    namespace_paths?: unknown
    config?: { Hooks?: Record<string, unknown>; namespaces?: { type?: unknown; path?: unknown }[] }
  } | null
  const { init_process_pid: pid, init_process_start: start, cgroup_paths: cgroups } = state ?? {}
  if (typeof pid !== 'number' || typeof start !== 'number' || typeof cgroups !== 'object' || cgroups === null) {
    return undefined
  }
  const paths = Object.values(cgroups).filter((path): path is string => typeof path === 'string')
  const hooks = Object.values(state?.config?.Hooks ?? {}).some((list) => Array.isArray(list) && list.length > 0)
  const ownPids = state?.config?.namespaces?.some((entry) => entry.type === 'NEWPID' && entry.path === '') ?? false
  const resctrl = typeof state?.intel_rdt_path === 'string' && state.intel_rdt_path !== ''
  return { init: { pid, startTime: String(start) }, cgroups: paths, plain: !hooks && ownPids && !resctrl }
}
