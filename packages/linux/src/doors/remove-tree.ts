import { lstatSync, readdirSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '@gantry/process'
import { errorCode, SystemCallError } from '../sys/system-call-error.ts'

const EBUSY = 16
const synchronousLimit = 100

/**
 * Removes a directory with all that is in it; absence is success. Never crosses a mount: if something is mounted at or below
 * the path, nothing is removed.
 * @throws SystemCallError EBUSY naming the mount
 */
export async function removeTree(path: string): Promise<void> {
  const mounted = mountBelow(path)
  if (mounted !== undefined) throw new SystemCallError(EBUSY, 'remove', `"${path}", since "${mounted}" is mounted`)
  // A few files are gone before a thread of the pool would have begun.
  const budget = { left: synchronousLimit }
  if (removeSome(path, budget)) return
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 })
  } catch (error) {
    // A program may nest directories deeper than a path can be long; the program rm walks by descriptors.
    if (errorCode(error) !== 'ENAMETOOLONG') throw error
    await run('rm', ['-rf', '--one-file-system', '--', path])
  }
}

/** The first mount point at or below a path, by /proc/self/mountinfo. */
export function mountBelow(path: string): string | undefined {
  const escaped = path.replaceAll(/[\s\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`)
  const table = readFileSync('/proc/self/mountinfo', 'utf8')
  if (!table.includes(` ${escaped}`)) return undefined
  for (const line of table.split('\n')) {
    const point = line.split(' ', 5)[4]
    if (point === escaped || point?.startsWith(`${escaped}/`) === true) return point
  }
  return undefined
}

function removeSome(path: string, budget: { left: number }): boolean {
  budget.left--
  if (budget.left < 0) return false
  try {
    if (!lstatSync(path).isDirectory()) {
      unlinkSync(path)
      return true
    }
    for (const name of readdirSync(path)) {
      if (!removeSome(join(path, name), budget)) return false
    }
    rmdirSync(path)
    return true
  } catch (error) {
    return errorCode(error) === 'ENOENT'
  }
}
