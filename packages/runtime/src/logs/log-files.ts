import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  type Stats,
} from 'node:fs'
import { basename, join } from 'node:path'

/** How much of a log is kept. */
export interface LogLimits {
  /** Bytes of one file; undefined is without limit. */
  readonly maxSize: number | undefined
  /** Files, the one that is written included; at least 1. */
  readonly maxFiles: number
  /** Compress those that are full. Default: false. */
  readonly compress?: boolean
}

/** One file of a log. */
export interface LogSegment {
  /** Grows with time: the greatest is the one that is written. */
  readonly number: number
  readonly path: string
  /** It is compressed, as gzip. */
  readonly packed: boolean
}

/**
 * Below this many bytes the monitor does not begin a new file by itself, however small the limit is: it would outrun who gives the
 * files their names. The keeper tells it to, earlier.
 */
export const leastOfMonitor: number = 8 * 1024 * 1024

/** What the monitor is told to begin a new file after, by itself: what bounds a log while nobody looks. */
export function monitorLimit({ maxSize }: LogLimits): number | undefined {
  return maxSize === undefined ? undefined : Math.max(maxSize, leastOfMonitor)
}

/** The directory of a log's files. */
export function segmentDirectory(path: string): string {
  return `${path}.d`
}

/**
 * Makes a log ready for a run of a container, before its monitor is started; what an earlier run wrote goes on or, when it is more
 * than half full, is followed by a new file.
 *
 * ```
 * container.log      → container.log.d/3     what the monitor writes to
 * container.log.tmp  → container.log.d/5     what it writes to next: conmon opens LOG.tmp and renames it to LOG
 * container.log.d/1 …                        the files, oldest first; 1.gz … those that are compressed
 * ```
 *
 * A file has its name before the monitor opens it, so that none is lost when the monitor goes on to the next by itself.
 */
export function prepareLog(path: string, limits: LogLimits): void {
  mkdirSync(segmentDirectory(path), { recursive: true, mode: 0o700 })
  rmSync(standby(path), { force: true })
  const current = look(path)
  if (current === undefined) symlinkSync(target(path, newest(path) + 1), path)
  else if (limits.maxSize !== undefined && currentSize(path) > limits.maxSize / 2) {
    if (current.isFile()) nameCurrent(path)
    unlinkSync(path)
    symlinkSync(target(path, newest(path) + 1), path)
  }
  tendLog(path, limits)
}

/**
 * Names what the monitor writes to, has the next file ready, and removes the oldest files beyond the limit; `beforeRemoval` is called
 * once all have names and before any goes. Takes well under a millisecond, so nothing else of this process comes in between; the
 * monitor may. @throws Error ENOENT where the log's directory is gone
 */
export function tendLog(path: string, { maxFiles }: LogLimits, beforeRemoval: () => void = () => undefined): void {
  // Not its parent: a log that was removed with its container, or with all of the root directory, does not come back.
  if (!existsSync(segmentDirectory(path))) mkdirSync(segmentDirectory(path), { mode: 0o700 })
  nameCurrent(path)
  if (look(standby(path)) === undefined) {
    // A gap before it: a file that came into being since gets the number between.
    const next = newest(path) + 2
    try {
      symlinkSync(target(path, next), standby(path))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    nameCurrent(path)
  }
  beforeRemoval()
  for (const { path: old } of logSegments(path).slice(0, -maxFiles)) rmSync(old, { force: true })
  removeTwins(path)
}

/** The files of a log, oldest first. A log without a keeper is one file. */
export function logSegments(path: string): readonly LogSegment[] {
  const directory = segmentDirectory(path)
  const { packed } = names(path)
  const found = numbers(path).map((number) => ({
    number,
    // The compressed one is complete as soon as it has its name.
    path: join(directory, packed.has(number) ? `${String(number)}.gz` : String(number)),
    packed: packed.has(number),
  }))
  const unnamed = unnamedNumber(path, look(path))
  return unnamed === undefined ? found : [...found, { number: unnamed, path, packed: false }]
}

/** Removes files that are there compressed too: who did that was killed before it came to it. */
function removeTwins(path: string): void {
  const { plain, packed } = names(path)
  for (const number of plain) {
    if (packed.has(number)) rmSync(join(segmentDirectory(path), String(number)), { force: true })
  }
}

/** The number of the file that the monitor writes to now; undefined before the first. */
export function currentSegment(path: string): number | undefined {
  return logSegments(path).at(-1)?.number
}

/** Gives a name to a file that the monitor made by itself because none was ready. */
function nameCurrent(path: string): void {
  const number = unnamedNumber(path, look(path))
  if (number === undefined) return
  const name = join(segmentDirectory(path), String(number))
  try {
    linkSync(path, name)
    // The monitor went on to one that has a name, between the look and the link.
    if (lstatSync(name).isSymbolicLink()) unlinkSync(name)
  } catch (error) {
    if (!['EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

/** The number of what is at a log's path, when it is a file without a name. */
function unnamedNumber(path: string, current: Stats | undefined): number | undefined {
  if (current?.isFile() !== true) return undefined
  const known = numbers(path)
  if (known.some((number) => look(join(segmentDirectory(path), String(number)))?.ino === current.ino)) return undefined
  return (known.at(-1) ?? 0) + 1
}

/** The greatest number that is taken, by a file or by a link to one that the monitor has not made yet. */
function newest(path: string): number {
  return Math.max(0, ...numbers(path), linked(path), linked(standby(path)))
}

function linked(path: string): number {
  try {
    return Number(basename(readlinkSync(path)))
  } catch {
    return 0
  }
}

function numbers(path: string): number[] {
  const { plain, packed } = names(path)
  return [...new Set([...plain, ...packed])].toSorted((a, b) => a - b)
}

/** The numbers of the files that are as they were written, and of those that are compressed. */
function names(path: string): { readonly plain: ReadonlySet<number>; readonly packed: ReadonlySet<number> } {
  const directory = segmentDirectory(path)
  const all = existsSync(directory) ? readdirSync(directory) : []
  const ofForm = (form: RegExp): Set<number> =>
    new Set(all.filter((name) => form.test(name)).map((name) => Number.parseInt(name, 10)))
  return { plain: ofForm(/^\d{1,15}$/), packed: ofForm(/^\d{1,15}\.gz$/) }
}

function standby(path: string): string {
  return `${path}.tmp`
}

/** Relative, so that a root directory may be moved. */
function target(path: string, number: number): string {
  return join(basename(segmentDirectory(path)), String(number))
}

/** Bytes of what the monitor writes to now. */
export function currentSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function look(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}
