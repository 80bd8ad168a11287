import { closeSync, constants, fstatSync, mkdirSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { closeDescriptor, directory, errorCode, file, mount, openBeneath } from '@gantry/linux'
import type { Context } from '../context.ts'
import type { ContainerMount } from '../container/spec.ts'
import { EngineError } from '../engine-error.ts'
import { containerDirectory } from '../verbs/create.ts'

/** For whom a source is looked up: what has to be mounted for it belongs to `owner`. */
export interface SourceUse {
  readonly id: string
  readonly owner: string
}

/** Where on the host the data of a mount is; undefined for one that has none there. @throws EngineError SPEC_INVALID */
export async function mountSource(
  context: Context,
  mounted: ContainerMount,
  use: SourceUse,
): Promise<string | undefined> {
  switch (mounted.type) {
    case 'tmpfs':
      return undefined
    case 'bind':
      return bindSource(mounted)
    case 'volume': {
      const volume = context.volumes.directoryOf(mounted.name)
      if (mounted.subpath === undefined) return volume
      return part(
        context,
        { whole: volume, of: `volume "${mounted.name}"`, subpath: mounted.subpath, target: mounted.target },
        use,
      )
    }
    case 'image': {
      const { rootfs } = await context.snapshots.mount(mounted.snapshot, use.owner)
      if (mounted.subpath === undefined) return rootfs
      return part(
        context,
        { whole: rootfs, of: `image "${mounted.image}"`, subpath: mounted.subpath, target: mounted.target },
        use,
      )
    }
  }
}

/** Shows a part of a tree at a place of the container's own. The part is opened within the tree and mounted by what was opened: whoever
 * changes the tree meanwhile cannot make it lead elsewhere. */
async function part(
  context: Context,
  { whole, of, subpath, target }: { whole: string; of: string; subpath: string; target: string },
  { id, owner }: SourceUse,
): Promise<string> {
  const root = openSync(whole, constants.O_RDONLY | constants.O_DIRECTORY)
  let found: number | undefined
  try {
    found = openBeneath(root, subpath, { inRoot: true, follow: true })
    const path = join(containerDirectory(context, id), 'sources', target.replaceAll('%', '%25').replaceAll('/', '%2F'))
    const why = `the place of "${subpath}" of the ${of}`
    const place = fstatSync(found).isDirectory()
      ? directory({ path }, why)
      : file({ path, content: '', mutable: true }, why)
    const source = `/proc/self/fd/${String(found)}`
    await context.ledger.apply(owner, [place])
    await context.ledger.apply(owner, [
      mount({ source, target: path, flags: ['rbind', 'rprivate'] }, `shows "${subpath}" of the ${of}`),
    ])
    return path
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP')
      throw new EngineError('SPEC_INVALID', `Cannot mount "${subpath}" of the ${of}: it has no such path`, {
        cause: error,
        hint: 'make the path first, or mount all of it',
      })
    throw error
  } finally {
    if (found !== undefined) closeDescriptor(found)
    closeSync(root)
  }
}

function bindSource({ source, createSource }: Extract<ContainerMount, { type: 'bind' }>): string {
  try {
    statSync(source)
  } catch (cause) {
    if (!createSource)
      throw new EngineError(
        'SPEC_INVALID',
        `invalid mount config for type "bind": bind source path does not exist: ${source}`,
        { cause },
      )
    mkdirSync(source, { recursive: true })
  }
  return source
}
