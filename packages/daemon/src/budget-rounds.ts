import type { DiskBudgetParts } from './disk-budget.ts'
import { readSettings } from './settings.ts'
import type { Site } from '@gantry/linux'

const first = 60_000
const between = 600_000

/** Keeps a root's disk budget, if it has one: a minute after the start and every ten minutes; ends when it is disposed of. */
export function startBudgetRounds(
  site: Pick<Site, 'root'>,
  parts: Omit<DiskBudgetParts, 'now'>,
  failed: (message: string, error: unknown) => void,
): Disposable & { /** Keeps it now. */ round(): Promise<void> } {
  let working: Promise<void> | undefined
  const work = async (): Promise<void> => {
    try {
      const { diskBudget } = readSettings(site)
      if (diskBudget === undefined) return
      // Loaded when it is needed: it brings the builder with it.
      const { keepBudget } = await import('./disk-budget.ts')
      await keepBudget({ ...parts, now: () => Date.now() }, { bytes: diskBudget })
    } catch (error) {
      failed('cannot keep the disk budget', error)
    }
  }
  const round = (): Promise<void> =>
    (working ??= work().finally(() => {
      working = undefined
    }))
  const start = setTimeout(() => void round(), first).unref()
  const every = setInterval(() => void round(), between).unref()
  return {
    round,
    [Symbol.dispose]: () => {
      clearTimeout(start)
      clearInterval(every)
    },
  }
}
