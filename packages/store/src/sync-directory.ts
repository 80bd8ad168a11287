import { closeSync, fsync, openSync } from 'node:fs'
import { promisify } from 'node:util'

const syncFile = promisify(fsync)

/** Makes renames into a directory durable. */
export type SyncDirectory = (path: string) => Promise<void>

/** Several calls that overlap share one sync, but never one that began before the call. */
export function createSyncDirectory(): SyncDirectory {
  const running = new Map<string, Promise<void>>()
  const waiting = new Map<string, Promise<void>>()

  const begin = (path: string): Promise<void> => {
    const done = sync(path).finally(() => running.delete(path))
    running.set(path, done)
    return done
  }
  return (path) => {
    const current = running.get(path)
    if (current === undefined) return begin(path)
    let next = waiting.get(path)
    if (next === undefined) {
      const afterwards = async (): Promise<void> => {
        await current.catch(() => undefined)
        waiting.delete(path)
        await begin(path)
      }
      next = afterwards()
      waiting.set(path, next)
    }
    return next
  }
}

/** Opening and closing cost less than handing them to another thread. */
async function sync(path: string): Promise<void> {
  const directory = openSync(path, 'r')
  try {
    await syncFile(directory)
  } finally {
    closeSync(directory)
  }
}
