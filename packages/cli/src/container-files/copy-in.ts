import { closeSync, constants, lstatSync, openSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Client } from '@gantry/client'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { isDirectory, isLink, type CopyOptions } from './copy-out.ts'
import { planCopy, type CopyTarget } from './copy-plan.ts'

/** Copies a path of this machine, or a tar from standard input, into a container. @throws CliError, ApiError */
export async function copyIn(
  context: Context,
  { containers }: Client,
  {
    container,
    path,
    from,
    options,
  }: { container: string; path: string; from: string | undefined; options: CopyOptions },
): Promise<void> {
  const target = await targetIn(containers, container, path)
  const write = (directory: string, tar: AsyncIterable<Uint8Array>): Promise<void> =>
    containers.writeArchive(container, directory, tar, { ownedByUser: options.archive, signal: context.signal })
  if (from === undefined) {
    await write(target.path, process.stdin)
    return
  }
  const stats = lstatSync(from, { throwIfNoEntry: false })
  if (stats === undefined) throw new CliError('FAILED', `Cannot copy "${from}": there is no such file`)
  // A link before a slash is the directory that it leads to, as everywhere.
  const through = options.followLink || /\/\.?$/.test(from)
  const found = through ? statSync(from) : stats
  const name = basename(resolve(from)) || '/'
  const plan = planCopy({ path: from, name, isDirectory: found.isDirectory() }, target)
  const { treeTar } = await import('@gantry/snapshot')
  const inside = found.isDirectory()
  const fd = openSync(inside ? from : dirname(resolve(from)), constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    const real = through && stats.isSymbolicLink() && !inside ? await realName(from) : undefined
    await write(plan.directory, treeTar(real?.fd ?? fd, { name: inside ? '.' : (real?.name ?? name), as: plan.name }))
    if (real !== undefined) closeSync(real.fd)
  } finally {
    closeSync(fd)
  }
}

async function realName(path: string): Promise<{ fd: number; name: string }> {
  const { realpath } = await import('node:fs/promises')
  const real = await realpath(path)
  return { fd: openSync(dirname(real), constants.O_RDONLY | constants.O_DIRECTORY), name: basename(real) }
}

/** What is at a path in a container; a symbolic link is what it leads to. */
async function targetIn(containers: Client['containers'], container: string, path: string): Promise<CopyTarget> {
  const absolute = path.startsWith('/') ? path : `/${path}`
  const stat = await containers.statPath(container, absolute)
  if (stat === undefined) return { path: absolute, state: 'missing' }
  if (!isLink(stat)) return { path: absolute, state: isDirectory(stat) ? 'directory' : 'file' }
  const end = await containers.statPath(container, stat.linkTarget)
  if (end === undefined) return { path: stat.linkTarget, state: 'missing' }
  return { path: stat.linkTarget, state: isDirectory(end) ? 'directory' : 'file' }
}
