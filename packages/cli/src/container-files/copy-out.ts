import { closeSync, constants, openSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Client, ContainerPathStat } from '@gantry/client'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { planCopy, renamed, type CopyTarget } from './copy-plan.ts'

/** How files are copied. */
export interface CopyOptions {
  /** Owners stay as they are at the source. */
  readonly archive: boolean
  /** A symbolic link at the source stands for what it leads to. */
  readonly followLink: boolean
}

const directoryBit = 2 ** 31
const linkBit = 2 ** 27

/** Whether Go's mode is that of a directory. */
export function isDirectory({ mode }: ContainerPathStat): boolean {
  return mode >= directoryBit
}

/** Whether Go's mode is that of a symbolic link. */
export function isLink({ mode }: ContainerPathStat): boolean {
  return (mode & linkBit) !== 0
}

/** Copies a path of a container to this machine, or to standard output as a tar. What the container wrote is not trusted: nothing is
 * written outside of the directory it goes to. @throws CliError, ApiError NOT_FOUND */
export async function copyOut(
  context: Context,
  { containers }: Client,
  { container, path, to, options }: { container: string; path: string; to: string | undefined; options: CopyOptions },
): Promise<void> {
  const source = options.followLink ? await followed(containers, container, path) : path
  const { stat, tar } = await containers.readArchive(container, source, { signal: context.signal })
  if (to === undefined) {
    for await (const chunk of tar) await context.out.stream(chunk)
    return
  }
  // A link that was followed keeps the name that it was asked for by.
  const name = source === path ? stat.name : basename(path)
  const plan = planCopy({ path, name, isDirectory: isDirectory(stat) }, targetOf(to))
  const from = /(?:^|\/)\.$/.test(source) ? '.' : stat.name
  const { extractInto } = await import('@gantry/snapshot')
  const root = openDirectory(plan.directory)
  try {
    const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
    await extractInto(root, tar, {
      path: '.',
      rename: (entry) => renamed(entry, { from, to: plan.name }),
      ...(options.archive ? {} : { owner: own }),
    })
  } finally {
    closeSync(root)
  }
}

async function followed(containers: Client['containers'], container: string, path: string): Promise<string> {
  const stat = await containers.statPath(container, path)
  return stat !== undefined && isLink(stat) ? stat.linkTarget : path
}

function targetOf(path: string): CopyTarget {
  const stats = statSync(path, { throwIfNoEntry: false })
  return { path, state: stats === undefined ? 'missing' : stats.isDirectory() ? 'directory' : 'file' }
}

function openDirectory(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  } catch (cause) {
    throw new CliError('FAILED', `Cannot copy to "${path}": there is no such directory`, { cause })
  }
}
