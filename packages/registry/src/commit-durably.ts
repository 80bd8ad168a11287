import type { State } from '@gantry/state'

/**
 * Runs `work` in a transaction that is on the disk when the promise resolves. The disk is waited for off the event loop; what
 * comes meanwhile is committed together after that, and waits once: a synced commit for each would be what limits pushes. Work
 * that throws is undone by itself, and rejects with what it threw.
 */
export function commitDurably<T>(state: State, work: () => T): Promise<T> {
  let group = groups.get(state)
  if (group === undefined) groups.set(state, (group = new CommitGroup(state)))
  return group.commit(work)
}

const groups = new WeakMap<State, CommitGroup>()

interface Waiting {
  /** Inside the transaction. Throws only what undoes the others too. */
  readonly run: () => void
  readonly done: () => void
  readonly fail: (error: unknown) => void
}

class CommitGroup {
  readonly #state: State
  #waiting: Waiting[] = []
  #isBusy = false

  constructor(state: State) {
    this.#state = state
  }

  commit<T>(work: () => T): Promise<T> {
    const state = this.#state
    return new Promise((resolve, reject) => {
      let result: { readonly value: T } | { readonly error: unknown } | undefined
      this.#waiting.push({
        run() {
          try {
            result = { value: state.transaction(work) }
          } catch (error) {
            // After some failures, such as a full disk, nothing is left of the whole transaction.
            if (!state.db.isTransaction) throw error
            result = { error }
          }
        },
        done: () => (result !== undefined && 'value' in result ? resolve(result.value) : reject(result?.error)),
        fail: reject,
      })
      if (!this.#isBusy) void this.#work()
    })
  }

  async #work(): Promise<void> {
    this.#isBusy = true
    while (this.#waiting.length > 0) {
      const together = this.#waiting.splice(0)
      try {
        this.#state.transaction(() => {
          for (const each of together) each.run()
        })
        await this.#state.sync()
        for (const each of together) each.done()
      } catch (error) {
        for (const each of together) each.fail(error)
      }
    }
    this.#isBusy = false
  }
}
