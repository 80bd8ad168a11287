import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, type HostCgroup } from '@gantry/linux'
import type { ProcessIdentity } from '../conmon/task-files.ts'
import { RuntimeError } from '../runtime-error.ts'

/** Directories of a container's groups by controller; the unified one is ''. */
export type Groups = ReadonlyMap<string, string>

const mostRemembered = 4096

/** Finds control groups by a process in them, and remembers them when the process is gone. */
export class GroupPaths {
  readonly #known = new Map<string, Groups>()
  readonly #mounts: ReadonlyMap<string, string>

  constructor(cgroup: HostCgroup) {
    this.#mounts = mountsOf(cgroup)
  }

  /** @throws RuntimeError NOT_RUNNING */
  of(init: ProcessIdentity): Groups {
    const groups = this.find(init)
    if (groups !== undefined) return groups
    throw new RuntimeError('NOT_RUNNING', `Process ${String(init.pid)} is in no control group: it has ended`)
  }

  find(init: ProcessIdentity): Groups | undefined {
    const key = `${String(init.pid)}/${init.startTime}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const groups = isAlive(init) ? this.#read(init.pid) : undefined
    if (groups === undefined) return undefined
    if (this.#known.size >= mostRemembered) this.#known.delete(this.#known.keys().next().value ?? '')
    this.#known.set(key, groups)
    return groups
  }

  remember(init: ProcessIdentity): void {
    this.find(init)
  }

  // Lines of "hierarchy:controllers:path".
  #read(pid: number): Groups | undefined {
    let text: string
    try {
      text = readFileSync(`/proc/${String(pid)}/cgroup`, 'utf8')
    } catch {
      return undefined
    }
    const groups = new Map<string, string>()
    for (const line of text.split('\n')) {
      const [, controllers, ...rest] = line.split(':')
      const path = rest.join(':')
      for (const controller of controllers?.split(',') ?? []) {
        const mount = this.#mounts.get(controller)
        if (mount !== undefined && path !== '') groups.set(controller, join(mount, path))
      }
    }
    return groups
  }
}

// A v1 hierarchy is mounted under the names of its controllers: "cpu,cpuacct".
function mountsOf(cgroup: HostCgroup): Map<string, string> {
  const mounts = new Map<string, string>()
  if (cgroup.unified !== undefined) mounts.set('', cgroup.unified)
  for (const path of cgroup.hierarchies) {
    for (const name of path.slice(path.lastIndexOf('/') + 1).split(',')) {
      if (path !== cgroup.unified) mounts.set(name, path)
    }
  }
  return mounts
}
