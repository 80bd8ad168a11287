import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lockFile } from '@gantry/linux'

const pollMilliseconds = 50

/**
 * Waits until no other process does the step of this key, and keeps others from it until it is disposed of or this process ends. Two may
 * have it in a race with the removal of its file: both do the same work then, which harms nothing.
 */
export async function lockStep(root: string, key: string, signal: AbortSignal): Promise<Disposable> {
  const directory = join(root, 'tmp', 'build-locks')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, key)
  for (;;) {
    signal.throwIfAborted()
    const lock = lockFile(path)
    if (lock !== undefined) {
      return {
        [Symbol.dispose]: () => {
          rmSync(path, { force: true })
          lock[Symbol.dispose]()
        },
      }
    }
    await sleep(pollMilliseconds, undefined, { signal })
  }
}
