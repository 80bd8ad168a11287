import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { lockFile } from '@gantry/linux/lock-file'
import { systemCode } from '../store-error.ts'

/** Nobody goes on with a pull after a week. */
export const partialAge: number = 7 * 24 * 3_600_000

/**
 * Removes the partial blobs that nobody has written for so long (milliseconds) and that nobody is writing now.
 *
 * @returns the bytes that were, or would be, freed
 */
export async function removePartials(
  ingest: string,
  options: { age?: number; dryRun?: boolean; now?: number } = {},
): Promise<number> {
  const { age = partialAge, dryRun = false, now = Date.now() } = options
  const before = now - age
  let bytes = 0
  for (const name of await namesIn(ingest)) {
    if (!/^partial-sha(?:256|512)-[0-9a-f]+\.lock$/.test(name)) continue
    const lock = join(ingest, name)
    const data = lock.slice(0, -'.lock'.length)
    const files = [data, `${data}.map`, lock]
    const found = await Promise.all(files.map((each) => stat(each).catch(() => undefined)))
    if (found.some((each) => each !== undefined && each.mtimeMs > before)) continue
    using held = lockFile(lock)
    if (held === undefined) continue
    bytes += (found[0]?.blocks ?? 0) * 512
    if (!dryRun) for (const each of files) await rm(each, { force: true })
  }
  return bytes
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}
