import type { BaseLock, DeclaredBase, LockChange } from '@gantry/builder'
import type { Context } from '../context.ts'
import { compareLocks, declarationKey, formatLock, lockBase, lockPath, parseBaseFile, parseLock } from '@gantry/builder'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { CliError } from '../cli-error.ts'
import { tellBase, type TellOptions } from './tell-base.ts'

/** What a declaration is called when none is named. */
export const defaultDeclaration = 'gantry-base.json'

/** A declaration of an image and its lock, as they lie on disk. */
export interface OpenDeclaration {
  /** Absolute. */
  readonly path: string
  readonly declared: DeclaredBase
  /** Absolute; where the lock is, or will be. */
  readonly lockPath: string
  readonly lock: BaseLock | undefined
}

/** Reads a declaration and its lock. @throws CliError, BaseError */
export async function openDeclaration(file: string): Promise<OpenDeclaration> {
  const path = resolve(file)
  const text = await readIfThere(path)
  if (text === undefined)
    throw new CliError('INVALID', `Cannot read "${path}": there is no such file`, {
      hint: `write what the image is made of into it, such as {"name": "localhost/minimal", "packages": ["libc6"]}`,
    })
  const place = lockPath(path)
  const lock = await readIfThere(place)
  return {
    path,
    declared: parseBaseFile(text, file),
    lockPath: place,
    lock: lock === undefined ? undefined : parseLock(lock, place),
  }
}

/** Whether a lock was made from this declaration. */
export function isCurrent({ declared, lock }: OpenDeclaration): boolean {
  return lock?.declaration === declarationKey(declared)
}

/** Chooses the packages anew, and answers with what that changes; the file is written unless it is only asked for. */
export async function relock(
  context: Context,
  { declared, lock, lockPath: place }: OpenDeclaration,
  options: TellOptions & { readonly mirror: string | undefined; readonly dryRun: boolean },
): Promise<{ readonly lock: BaseLock; readonly changes: readonly LockChange[] }> {
  const found = await lockBase(declared, {
    directory: join((await context.site()).root, 'base'),
    signal: context.signal,
    onEvent: (event) => tellBase(context.err, event, options),
    ...(options.mirror === undefined ? {} : { mirror: options.mirror }),
  })
  if (!options.dryRun) await writeLock(place, formatLock(found))
  return { lock: found, changes: compareLocks(lock, found) }
}

/** The lock is whole, or what it was before; whoever may read the project may read it. */
async function writeLock(path: string, text: string): Promise<void> {
  const unfinished = `${path}.${process.pid}.unfinished`
  try {
    await writeFile(unfinished, text)
    await rename(unfinished, path)
  } finally {
    await rm(unfinished, { force: true })
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
