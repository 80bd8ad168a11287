import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { extractArchive } from '@gantry/snapshot'
import type { BuildSession } from '../build-session.ts'

/** Fills a new cache with what an imported cache has of it; whole or not at all. */
export async function importMount(session: BuildSession, id: string, path: string): Promise<boolean> {
  const { imports, cacheNamespace } = session.options
  for (const source of imports) {
    const tar = await source.openMount(id, cacheNamespace)
    if (tar === undefined) continue
    try {
      await fillBeside(session, path, async (beside) => {
        await extractArchive(tar, beside)
      })
      return true
    } catch (error) {
      session.options.signal.throwIfAborted()
      const message = `the cache mount "${id}" was not imported: ${error instanceof Error ? error.message : String(error)}`
      session.options.onEvent({ kind: 'warning', rule: 'CacheImport', message })
    }
  }
  return false
}

/** Puts files into a new cache, all or none of them: a build that is killed meanwhile leaves it empty. */
export async function fillBeside(
  session: BuildSession,
  path: string,
  fill: (beside: string) => Promise<void> | void,
): Promise<void> {
  const beside = `${path}.import-${session.id}`
  mkdirSync(beside, { recursive: true })
  try {
    await fill(beside)
    // Takes the place of an empty directory only.
    renameSync(beside, path)
  } catch (error) {
    rmSync(beside, { recursive: true, force: true })
    throw error
  }
}
