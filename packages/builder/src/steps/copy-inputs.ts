import type { IgnoreMatcher } from '@gantry/dockerfile'
import type { BuildSession, OnUnpack } from '../build-session.ts'
import { type KeyField, KeyFieldList } from '../cache/key.ts'
import { archiveIn } from '../files/archive-kind.ts'
import { ArchiveTree } from '../files/archive-tree.ts'
import { walk } from '../files/directory-tree.ts'
import type { FileNode, Tree } from '../files/node.ts'
import { childPath } from '../files/resolve-path.ts'
import { type CopySourceFile, selectSources } from '../layer/copy-sources.ts'
import { parseExcludes, without } from '../layer/exclude.ts'
import { selectWithParents } from '../layer/select-parents.ts'
import type { CopyStep, PlannedSource } from '../plan/planned-step.ts'

/** Files that a COPY or ADD takes from one tree in one way. */
export interface CopyGroup {
  readonly tree: Tree
  readonly sources: readonly CopySourceFile[]
  readonly digests: ReadonlyMap<FileNode, string>
  /** Files keep the owners and times that they have in the tree: those of stages and archives do. */
  readonly keeps: boolean
}

/** One source of a COPY or ADD that has been looked at. */
export interface CopyInput {
  /** Everything of it that reaches the image, for the step's key. */
  readonly field: KeyField
  /** What there is to copy. Called at most once, when the layer is made. */
  open(place: InputPlace): Promise<CopyGroup>
}

/** Where an input may put what it needs while the layer is made. */
export interface InputPlace {
  /** A path for a file that the step removes at its end. */
  spool(): Promise<string>
  /** Has something closed when the layer is written. */
  defer(resource: AsyncDisposable): void
}

/** How much an archive may expand to: as a layer, to 300 times its size and 8 GiB. */
const expansion = { factor: 300, floor: 8 * 2 ** 30 }

/** Looks at what a COPY or ADD takes from the build context, in the order that it is written. */
export async function readContextInputs(
  session: BuildSession,
  step: CopyStep,
  context: string,
): Promise<readonly CopyInput[]> {
  const tree = session.context(context)
  const what = context === '' ? 'the build context' : `the context "${context}"`
  const inputs: CopyInput[] = []
  for (const source of step.sources) {
    if (source.kind !== 'path') continue
    for (const found of selectFrom(tree, source, step, what)) {
      inputs.push(await contextInput(session, tree, found, step))
    }
  }
  return inputs
}

/** Opens what a COPY takes from a stage, an image or another context. */
export async function openStageGroup(session: BuildSession, step: CopyStep, from: StageFiles): Promise<CopyGroup> {
  const tree = await from.open()
  const sources = step.sources.flatMap((source) =>
    source.kind === 'path' ? selectFrom(tree, source, step, `"${from.name}"`) : [],
  )
  return { tree, sources, digests: await digestsOf(session, tree, sources), keeps: true }
}

/** Where `--from` takes files. */
export interface StageFiles {
  readonly name: string
  open(onUnpack?: OnUnpack): Promise<Tree>
}

function selectFrom(
  tree: Tree,
  { path }: Extract<PlannedSource, { kind: 'path' }>,
  step: CopyStep,
  what: string,
): readonly CopySourceFile[] {
  const excludes: IgnoreMatcher | undefined = parseExcludes(step.excludes)
  const found = step.parents ? [selectWithParents(tree, path, what)] : selectSources(tree, path, what)
  return found.flatMap((source) => (source && without(source, excludes)) ?? [])
}

/** Files of a tree with everything of them that reaches the image: owners and times do not. */
export interface SelectedFiles {
  readonly field: KeyField
  readonly group: CopyGroup
}

/** Reads what is needed to tell a source from every other. */
export async function readSource(session: BuildSession, tree: Tree, source: CopySourceFile): Promise<SelectedFiles> {
  const digests = await digestsOf(session, tree, [source])
  return { field: describe(source, digests), group: { tree, sources: [source], digests, keeps: false } }
}

async function contextInput(
  session: BuildSession,
  tree: Tree,
  source: CopySourceFile,
  step: CopyStep,
): Promise<CopyInput> {
  const { field, group } = await readSource(session, tree, source)
  const { node, path, name } = source
  const mayUnpack = step.add !== undefined && step.add.unpack !== 'none' && node.type === 'file'
  return {
    field: [mayUnpack ? 'unpack' : 'copy', field],
    async open(place) {
      if (!mayUnpack) return group
      const digest = group.digests.get(node)
      const read = (): AsyncIterable<Uint8Array> => tree.open(path, node, digest === undefined ? {} : { digest })
      return (await openArchive(session, read, { name, size: node.size }, place)) ?? group
    },
  }
}

/** The files of an archive; undefined when the content is none. */
export async function openArchive(
  session: BuildSession,
  read: () => AsyncIterable<Uint8Array>,
  { name, size }: { readonly name: string; readonly size: number },
  place: InputPlace,
): Promise<CopyGroup | undefined> {
  const limit = size * expansion.factor + expansion.floor
  const body = await archiveIn(read, session.ports.codec)
  if (body === undefined) return undefined
  const tree = await ArchiveTree.read(body, { spool: await place.spool(), name, limit })
  place.defer(tree)
  const root = tree.lstat('')!
  const children = [...walk(tree, '')]
  const digests = new Map<FileNode, string>()
  for (const [path, node] of children) if (node.type === 'file') digests.set(node, await tree.digest(path))
  return { tree, sources: [{ name, path: '', node: root, children }], digests, keeps: true }
}

/** The digests of all files of sources. */
export async function digestsOf(
  session: BuildSession,
  tree: Tree,
  sources: readonly CopySourceFile[],
): Promise<ReadonlyMap<FileNode, string>> {
  const { signal } = session.options
  const digests = new Map<FileNode, string>()
  const add = async (node: FileNode, found: string | Promise<string>): Promise<void> => {
    signal.throwIfAborted()
    digests.set(node, await found)
  }
  for (const source of sources) {
    if (source.node.type === 'file') await add(source.node, tree.digest(source.path, source.node))
    for (const [relative, node] of source.children) {
      if (node.type !== 'file') continue
      const path = childPath(source.path, relative)
      const found = tree.digest(path, node)
      // Of a hundred thousand files that are known, waiting for each would take longest.
      if (typeof found === 'string') digests.set(node, found)
      else await add(node, found)
    }
  }
  return digests
}

/** A source of the context by everything of it that reaches the image: owners and times do not. */
function describe({ name, node, children }: CopySourceFile, digests: ReadonlyMap<FileNode, string>): KeyField {
  const field = (path: string, each: FileNode, links: Map<string, number>): KeyField => {
    if (each.link !== undefined && !links.has(each.link)) links.set(each.link, links.size)
    const link = each.link === undefined ? undefined : links.get(each.link)
    return [path, each.type, each.mode, each.size, each.target, each.devMajor, each.devMinor, link, digests.get(each)]
  }
  // Of a hundred thousand files the fields are not all there at once.
  function* fields(): Generator<KeyField> {
    const links = new Map<string, number>()
    for (const [relative, child] of children) yield field(relative, child, links)
  }
  return [field(name, node, new Map()), new KeyFieldList(children.length, fields)]
}
