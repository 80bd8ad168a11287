import { setTimeout as sleep } from 'node:timers/promises'

// Whoever stops reading while the process opens its end kills it: give up on a living one only when something is very wrong.
const patience = 30_000

/**
 * Waits until a container's first process says through its FIFO that it runs. One that says so and ends at once has started too,
 * even when its end is seen first.
 * @param hasSpoken Whether the byte has come
 * @param isAlive Whether the process is there
 */
export async function awaitStart(hasSpoken: () => Promise<boolean>, isAlive: () => boolean): Promise<boolean> {
  const until = performance.now() + patience
  for (let round = 0; ; round++) {
    if (await hasSpoken()) return true
    if (round % 50 === 49 && (!isAlive() || performance.now() > until)) return hasSpoken()
    await (round < 20 ? new Promise(setImmediate) : sleep(1))
  }
}
