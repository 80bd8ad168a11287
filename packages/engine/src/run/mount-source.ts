import { chownSync, closeSync, constants, fstatSync, mkdirSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { closeDescriptor, directory, errorCode, file, mount, openBeneath } from '@gantry/linux'
import { ownersUnsupported, type MappedOwners } from '@gantry/snapshot'
import type { Context } from '../context.ts'
import type { ContainerMount } from '../container/spec.ts'
import { needsUsers } from '../container/users/check-users.ts'
import { EngineError } from '../engine-error.ts'
import { containerDirectory } from '../verbs/create.ts'

/** For whom a source is looked up: what has to be mounted for it belongs to `owner`. */
export interface SourceUse {
  readonly id: string
  readonly owner: string
  /** How the owners of its files are mapped, for a container with a user namespace. */
  readonly owners: MappedOwners | undefined
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
    case 'bind': {
      const source = bindSource(mounted, use.owners?.root)
      if (mounted.idmap === true && use.owners === undefined) throw needsUsers(mounted.target)
      return mounted.idmap === true ? mapped(context, { ...mounted, source, what: 'it' }, use) : source
    }
    case 'volume': {
      const volume = context.volumes.directoryOf(mounted.name)
      if (mounted.subpath === undefined)
        return mapped(context, { source: volume, target: mounted.target, what: `volume "${mounted.name}"` }, use)
      return part(
        context,
        {
          whole: volume,
          of: `volume "${mounted.name}"`,
          subpath: mounted.subpath,
          target: mounted.target,
          mapping: use.owners?.namespace,
        },
        use,
      )
    }
    case 'image': {
      const { rootfs } = await context.snapshots.mount(
        mounted.snapshot,
        use.owner,
        use.owners === undefined ? {} : { owners: use.owners },
      )
      if (mounted.subpath === undefined) return rootfs
      return part(
        context,
        {
          whole: rootfs,
          of: `image "${mounted.image}"`,
          subpath: mounted.subpath,
          target: mounted.target,
          mapping: undefined,
        },
        use,
      )
    }
  }
}

/** A directory or file with its owners mapped, where they are to be: what is written into it keeps the ids of the inside. */
async function mapped(
  context: Context,
  { source, target, what }: { source: string; target: string; what: string },
  { id, owner, owners }: SourceUse,
): Promise<string> {
  if (owners === undefined) return source
  const path = placeOf(context, id, target)
  const why = `the place of ${what} with its owners mapped`
  const place = statSync(source).isDirectory()
    ? directory({ path }, why)
    : file({ path, content: '', mutable: true }, why)
  await context.ledger.apply(owner, [place])
  try {
    await context.ledger.apply(owner, [
      mount(
        { source, target: path, flags: ['bind'], owners: owners.namespace },
        `files of ${what} keep the ids of the inside`,
      ),
    ])
  } catch (error) {
    throw ownersUnsupported(error) ?? error
  }
  return path
}

function placeOf(context: Context, id: string, target: string): string {
  return join(containerDirectory(context, id), 'sources', target.replaceAll('%', '%25').replaceAll('/', '%2F'))
}

/** Shows a part of a tree at a place of the container's own. The part is opened within the tree and mounted by what was opened: whoever
 * changes the tree meanwhile cannot make it lead elsewhere. */
async function part(
  context: Context,
  {
    whole,
    of,
    subpath,
    target,
    mapping,
  }: { whole: string; of: string; subpath: string; target: string; mapping: string | undefined },
  { id, owner }: SourceUse,
): Promise<string> {
  const root = openSync(whole, constants.O_RDONLY | constants.O_DIRECTORY)
  let found: number | undefined
  try {
    found = openBeneath(root, subpath, { inRoot: true, follow: true })
    const path = placeOf(context, id, target)
    const why = `the place of "${subpath}" of the ${of}`
    const place = fstatSync(found).isDirectory()
      ? directory({ path }, why)
      : file({ path, content: '', mutable: true }, why)
    const source = `/proc/self/fd/${String(found)}`
    await context.ledger.apply(owner, [place])
    await context.ledger.apply(owner, [
      mount(
        {
          source,
          target: path,
          ...(mapping === undefined ? { flags: ['rbind', 'rprivate'] } : { flags: ['bind'], owners: mapping }),
        },
        `shows "${subpath}" of the ${of}`,
      ),
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

/** What is made for it belongs to the container's root, unless its owners are mapped: then to root. */
function bindSource(
  { source, createSource, idmap }: Extract<ContainerMount, { type: 'bind' }>,
  root: MappedOwners['root'] | undefined,
): string {
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
    if (root !== undefined && idmap !== true) chownSync(source, root.uid, root.gid)
  }
  return source
}
