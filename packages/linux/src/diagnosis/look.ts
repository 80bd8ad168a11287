import { readFile } from 'node:fs/promises'
import { runStatus } from '@gantry/process'

/** A file's text, or nothing when it cannot be read. */
export async function textAt(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return ''
  }
}

/** The first line that a program writes; undefined when it is missing, fails or takes over five seconds. */
export async function firstLine(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { code, stdout, stderr } = await runStatus(command, args, { timeout: 5000 })
    return code === 0 ? ((stdout || stderr).split('\n')[0] ?? '').trim() : undefined
  } catch {
    return undefined
  }
}

/** Whether a program's line about its version says an older one than `needed`; not when it says none. */
export function isOlder(line: string, needed: readonly [major: number, minor: number]): boolean {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(line) ?? []
  if (major === undefined || minor === undefined) return false
  return Number(major) < needed[0] || (Number(major) === needed[0] && Number(minor) < needed[1])
}
