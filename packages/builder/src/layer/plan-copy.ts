import { hash } from 'node:crypto'
import type { ModeChange } from '@gantry/dockerfile'
import { BuildError } from '../build-error.ts'
import type { OwnerIds } from '../files/owner.ts'
import type { FileNode, Tree } from '../files/node.ts'
import { childPath } from '../files/resolve-path.ts'
import type { CopySourceFile } from './copy-sources.ts'
import type { LayerPlan, PlannedEntry } from './layer-plan.ts'

/** A file that a heredoc becomes. */
export interface InlineFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/** How files are copied into a plan. */
export interface CopyOptions {
  /** Absolute; a slash at its end means a directory. */
  readonly destination: string
  readonly sources: readonly CopySourceFile[]
  readonly inline: readonly InlineFile[]
  /** How many sources the instruction names. */
  readonly named: number
  /** Tells these sources from those of other calls for one instruction. */
  readonly group: number
  readonly owner: OwnerIds | undefined
  readonly mode: ModeChange | undefined
  /** What is copied from. */
  readonly tree?: Tree
  /** The digest of a file's content, for each source file. */
  readonly digestOf?: (node: FileNode) => string
  /** Seconds: the time of everything that is made, and of copied files unless `keepTimes`. */
  readonly epoch: number
  /** Copied files keep their times (not later than `clamp`). Directories made on the way never do. */
  readonly keepTimes?: boolean
  readonly clamp: number | undefined
}

const defaultDirectory = 0o755

/**
 * Plans what COPY does, in the manner of BuildKit: a directory gives its content, not itself; a file goes to the
 * destination, or into it when that is a directory or ends in a slash; missing directories are made with the owner and
 * mode of the copy; what exists is replaced, but never a directory by a file or the other way round.
 * @throws BuildError DESTINATION_INVALID
 */
export function planCopy(plan: LayerPlan, options: CopyOptions): void {
  const { destination, sources, inline } = options
  const made = {
    // BuildKit makes them under a umask of 022, and their special bits are lost.
    mode: (options.mode?.apply(defaultDirectory, true) ?? defaultDirectory) & 0o755,
    ...(options.owner ?? { uid: 0, gid: 0 }),
  }
  const slash = destination.endsWith('/')
  if (options.named > 1 && !slash && plan.lstat(plan.resolve(destination))?.type !== 'directory') {
    throw new BuildError(
      'DESTINATION_INVALID',
      `Cannot copy several sources to "${destination}": it is not a directory`,
      {
        hint: `end it with a slash: ${destination}/`,
      },
    )
  }
  if (sources.length + inline.length === 0) return
  plan.makeDirectories(slash ? destination : parentOf(destination), made)
  for (const [index, source] of sources.entries()) {
    const { node, path, name } = source
    if (node.type === 'directory') {
      copyDirectory(plan, source, { ...options, index, into: plan.makeDirectories(destination, made) })
    } else plan.put(target(plan, destination, name), entryOf(node, path, { ...options, index }))
  }
  for (const { name, bytes } of inline) {
    const { epoch, mode } = options
    const owner = options.owner ?? { uid: 0, gid: 0 }
    plan.put(target(plan, destination, name), {
      type: 'file',
      mode: mode?.apply(0o644, false) ?? 0o644,
      uid: owner.uid,
      gid: owner.gid,
      size: bytes.length,
      mtime: epoch,
      content: { kind: 'bytes', bytes, digest: hash('sha256', bytes, 'hex') },
    })
  }
}

/** Where a file goes: to the destination, or into it when that is a directory. */
function target(plan: LayerPlan, destination: string, name: string): string {
  const resolved = plan.resolve(destination)
  return plan.lstat(resolved)?.type === 'directory' ? childPath(resolved, name) : resolved
}

function copyDirectory(
  plan: LayerPlan,
  source: CopySourceFile,
  options: SourceOptions & { readonly into: string },
): void {
  for (const [relative, node] of source.children) {
    const path = childPath(options.into, relative)
    if (node.implied === true && plan.lstat(path)?.type === 'directory') continue
    plan.put(path, entryOf(node, childPath(source.path, relative), options))
  }
}

/** Copying one of the sources. */
interface SourceOptions extends CopyOptions {
  /** Which one: names of one file stay hard links within a source, as in BuildKit, and not across sources. */
  readonly index: number
}

function entryOf(node: FileNode, path: string, options: SourceOptions): PlannedEntry {
  const { owner, mode, tree, epoch, keepTimes, clamp } = options
  const time = keepTimes === true ? Math.min(node.mtime, clamp ?? Infinity) : epoch
  return {
    type: node.type,
    mode: mode === undefined || node.type === 'symlink' ? node.mode : mode.apply(node.mode, node.type === 'directory'),
    uid: owner?.uid ?? node.uid,
    gid: owner?.gid ?? node.gid,
    size: node.size,
    mtime: time,
    ...(node.target === undefined ? {} : { target: node.target }),
    ...(node.devMajor === undefined ? {} : { devMajor: node.devMajor, devMinor: node.devMinor ?? 0 }),
    ...(node.xattrs === undefined ? {} : { xattrs: node.xattrs }),
    ...(node.link === undefined ? {} : { link: `${options.group}.${options.index} ${node.link}` }),
    ...(node.type === 'file' && tree !== undefined
      ? { content: { kind: 'tree', tree, path, node, digest: options.digestOf?.(node) ?? '' } as const }
      : {}),
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}
