import { statfs } from 'node:fs/promises'
import type { State } from '@gantry/state'

/** What readiness is judged by. */
export interface HealthOptions {
  readonly state: State
  /** A directory on the file system of the blobs; absent for a registry in memory. */
  readonly root?: string
  /** The registry is not ready with less room than this, in bytes. Default: 256 MiB. */
  readonly leastFree?: number
}

/** One thing that readiness depends on; `problem` is absent when it is well. */
export interface HealthCheck {
  readonly name: 'database' | 'disk' | 'shutdown'
  readonly problem?: string
}

/** Whether a registry can do its work. */
export interface Health {
  /** Looks at everything; never rejects. */
  check(): Promise<readonly HealthCheck[]>
  /** From now on it is not ready: it is about to end. */
  shutDown(): void
  readonly isShuttingDown: boolean
}

const defaultLeast = 256 * 1024 ** 2

/** Watches over a registry's readiness. */
export function createHealth(options: HealthOptions): Health {
  const { state, root, leastFree = defaultLeast } = options
  let isShuttingDown = false
  return {
    async check() {
      return [
        checkDatabase(state),
        ...(root === undefined ? [] : [await checkDisk(root, leastFree)]),
        isShuttingDown ? { name: 'shutdown', problem: 'the server is shutting down' } : { name: 'shutdown' },
      ]
    },
    shutDown() {
      isShuttingDown = true
    },
    get isShuttingDown() {
      return isShuttingDown
    },
  }
}

/** Writes, for a database that can be read may have no room left or a lock that never ends. */
function checkDatabase(state: State): HealthCheck {
  const sql = `INSERT INTO registry_health (id, at) VALUES (0, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at`
  try {
    state.transaction(() => state.prepare(sql).run(Date.now()))
    return { name: 'database' }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    return { name: 'database', problem: `the database cannot be written to${code}` }
  }
}

async function checkDisk(root: string, leastFree: number): Promise<HealthCheck> {
  try {
    const { bavail, bsize } = await statfs(root)
    if (bavail * bsize >= leastFree) return { name: 'disk' }
    return { name: 'disk', problem: `${bavail * bsize} bytes are free, fewer than ${leastFree}` }
  } catch {
    return { name: 'disk', problem: 'the file system of the blobs cannot be read' }
  }
}
