import { readFileSync } from 'node:fs'
import type { IdBlock } from './id-ranges.ts'

/** The ids that users of the host may hand on, as /etc/subuid and /etc/subgid say: `name or uid:start:size`. */
export interface SubordinateIds {
  readonly uids: readonly SubordinateRange[]
  readonly gids: readonly SubordinateRange[]
  /** The name of a user, by its number. */
  nameOf(uid: number): string | undefined
}

/** A line of one of these files. */
export interface SubordinateRange extends IdBlock {
  readonly name: string
}

/** Reads the host's files. What is missing says nothing. */
export function readSubordinateIds(directory = '/etc'): SubordinateIds {
  return {
    uids: parseSubordinateIds(textOf(`${directory}/subuid`)),
    gids: parseSubordinateIds(textOf(`${directory}/subgid`)),
    nameOf: (uid) => {
      const line = textOf(`${directory}/passwd`)
        .split('\n')
        .find((each) => each.split(':')[2] === String(uid))
      return line?.split(':')[0]
    },
  }
}

/** The lines of such a file; those that say nothing are left out. @see https://man7.org/linux/man-pages/man5/subuid.5.html */
export function parseSubordinateIds(text: string): readonly SubordinateRange[] {
  return text.split('\n').flatMap((line) => {
    const [, name, start, size] = /^([^:#\s][^:]*):(\d+):(\d+)\s*$/.exec(line) ?? []
    return name === undefined || Number(size) === 0 ? [] : [{ name, start: Number(start), size: Number(size) }]
  })
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
