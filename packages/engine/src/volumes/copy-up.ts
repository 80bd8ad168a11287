import { chmodSync, chownSync, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '@gantry/process'

/** Fills an empty volume with what the image has at the place where the volume will be mounted, with owners, modes and extended
 * attributes. A volume that holds something is left alone. No process runs in the root file system yet. */
export async function copyUp({
  rootfs,
  path,
  volume,
}: {
  rootfs: string
  path: string
  volume: string
}): Promise<void> {
  if (readdirSync(volume).length > 0) return
  const source = resolveInRoot(rootfs, path)
  if (source === undefined) return
  const status = statSync(source)
  if (!status.isDirectory()) return
  if (readdirSync(source).length > 0) await run('cp', ['-a', '--', `${source}/.`, volume])
  chownSync(volume, status.uid, status.gid)
  chmodSync(volume, status.mode & 0o7777)
}

/** Follows a path as a process whose root is `rootfs` would: links in it never lead outside. `undefined` when there is nothing. */
export function resolveInRoot(rootfs: string, path: string): string | undefined {
  let parts = path.split('/').filter((part) => part !== '' && part !== '.')
  let at: string[] = []
  for (let links = 0; parts.length > 0;) {
    const [part = '', ...rest] = parts
    parts = rest
    if (part === '..') {
      at = at.slice(0, -1)
      continue
    }
    const here = join(rootfs, ...at, part)
    const status = lstatSync(here, { throwIfNoEntry: false })
    if (status === undefined) return undefined
    if (!status.isSymbolicLink()) {
      at = [...at, part]
      continue
    }
    if (++links > 40) return undefined
    const target = readlinkSync(here)
    if (target.startsWith('/')) at = []
    parts = [...target.split('/').filter((each) => each !== '' && each !== '.'), ...parts]
  }
  return join(rootfs, ...at)
}
