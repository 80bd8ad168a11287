import type { State } from '@gantry/state'

interface Waiting {
  readonly work: () => void
  readonly done: (error?: unknown) => void
}

const queues = new WeakMap<State, Waiting[]>()

/**
 * Runs `work` in a transaction that is on the disk when the promise resolves. What others want to commit at the same time goes
 * to the disk with it: the commit waits for the disk on the event loop, so that one for each would be what limits pushes. Each
 * work is rolled back by itself when it throws; in the order of the calls.
 */
export function commitTogether<T>(state: State, work: () => T): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let queue = queues.get(state)
    if (queue === undefined) {
      queue = []
      queues.set(state, queue)
      setImmediate(() => flush(state))
    }
    let result: T
    queue.push({
      work: () => void (result = state.transaction(work)),
      done: (error) => (error === undefined ? resolve(result) : reject(error)),
    })
  })
}

function flush(state: State): void {
  const waiting = queues.get(state) ?? []
  queues.delete(state)
  const failures = new Map<Waiting, unknown>()
  try {
    state.transaction(
      () => {
        for (const each of waiting) {
          try {
            each.work()
          } catch (error) {
            failures.set(each, error)
          }
        }
      },
      { durable: true },
    )
  } catch (error) {
    for (const each of waiting) each.done(error)
    return
  }
  for (const each of waiting) each.done(failures.get(each))
}
