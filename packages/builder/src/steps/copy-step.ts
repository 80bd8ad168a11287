import type { Platform } from '@gantry/oci'
import type { BuildSession, OnUnpack, StepOutcome } from '../build-session.ts'
import { cacheKey, type KeyField } from '../cache/key.ts'
import { stepVersion } from '../cache/layer-key.ts'
import { readAccounts } from '../files/accounts.ts'
import type { FileNode, Tree } from '../files/node.ts'
import { type OwnerIds, parseOwner, resolveOwner } from '../files/owner.ts'
import { childPath } from '../files/resolve-path.ts'
import { chainOf, type LayerStack } from '../image/layer-stack.ts'
import { type CopySourceFile, selectSources } from '../layer/copy-sources.ts'
import { LayerPlan, type PlannedEntry } from '../layer/layer-plan.ts'
import { planCopy } from '../layer/plan-copy.ts'
import type { CopyStep } from '../plan/planned-step.ts'
import { layerStep } from './layer-step.ts'

/** What a COPY is made on. */
export interface CopyStepOptions {
  readonly session: BuildSession
  readonly step: CopyStep
  readonly stack: LayerStack
  readonly platform: Platform
  /** The layers of `--from`; missing for the build context. */
  readonly from: { readonly stack: LayerStack; readonly platform: Platform; readonly name: string } | undefined
  readonly onBytes: (bytes: number, total: number) => void
  readonly onUnpack: OnUnpack
}

/** Finds or makes the layer of a COPY. No container is started for it. */
export async function copyStep(options: CopyStepOptions): Promise<StepOutcome> {
  const { session, step, stack, from, onBytes } = options
  const { epoch } = session.options
  const input = from === undefined ? await readSources(options, session.context(), 'the build context') : undefined
  const read: KeyField = input === undefined ? ['chain', chainOf(from?.stack ?? [])] : ['files', describe(input)]
  const quickKey = cacheKey([
    'copy',
    stepVersion,
    step.sources,
    step.inline.map(({ name, content }) => [name, content]),
    step.destination,
    step.chown,
    step.chmod,
    read,
    chainOf(stack),
    epoch.seconds,
    epoch.asked,
  ])
  return layerStep({ session, quickKey, text: step.text, plan: () => planLayer(options, input), onBytes })
}

/** What a copy reads: which files, and what is in them. */
interface CopyInput {
  readonly tree: Tree
  readonly sources: readonly CopySourceFile[]
  readonly digests: ReadonlyMap<FileNode, string>
}

async function readSources(options: CopyStepOptions, tree: Tree, what: string): Promise<CopyInput> {
  const { signal } = options.session.options
  const sources = options.step.sources.flatMap((source) => selectSources(tree, source, what))
  const digests = new Map<FileNode, string>()
  const add = async (path: string, node: FileNode): Promise<void> => {
    signal.throwIfAborted()
    if (node.type === 'file') digests.set(node, await tree.digest(path, node))
  }
  for (const source of sources) {
    await add(source.path, source.node)
    for (const [relative, node] of source.children) await add(childPath(source.path, relative), node)
  }
  return { tree, sources, digests }
}

/** Sources of the context by everything of them that reaches the image: owners and times do not. */
function describe({ sources, digests }: CopyInput): KeyField {
  const links = new Map<string, number>()
  const field = (path: string, node: FileNode): KeyField => {
    if (node.link !== undefined && !links.has(node.link)) links.set(node.link, links.size)
    const link = node.link === undefined ? undefined : links.get(node.link)
    return [path, node.type, node.mode, node.size, node.target, node.devMajor, node.devMinor, link, digests.get(node)]
  }
  return sources.map(({ name, node, children }) => [
    field(name, node),
    children.map(([relative, child]) => field(relative, child)),
  ])
}

async function planLayer(
  options: CopyStepOptions,
  input: CopyInput | undefined,
): Promise<ReadonlyMap<string, PlannedEntry>> {
  const { session, step, stack, platform, from, onUnpack } = options
  const { epoch } = session.options
  const root = await session.root(stack, platform)
  const read =
    input ??
    (await readSources(
      options,
      await session.view(from?.stack ?? [], from?.platform ?? platform, onUnpack),
      `"${from?.name ?? ''}"`,
    ))
  const plan = new LayerPlan(root, epoch.seconds)
  const encoder = new TextEncoder()
  planCopy(plan, {
    destination: step.destination,
    sources: read.sources,
    inline: step.inline.map(({ name, content }) => ({ name, bytes: encoder.encode(content) })),
    named: step.sources.length + step.inline.length,
    owner: await ownerOf(options, root),
    mode: step.chmod,
    tree: read.tree,
    digestOf: (node) => read.digests.get(node) ?? '',
    epoch: epoch.seconds,
    keepTimes: from !== undefined,
    clamp: epoch.asked ? epoch.seconds : undefined,
  })
  return plan.entries()
}

/** Files of the context belong to root unless somebody says otherwise; those of a stage keep their owner. */
async function ownerOf(
  { step, from }: CopyStepOptions,
  root: Parameters<typeof readAccounts>[0],
): Promise<OwnerIds | undefined> {
  if (step.chown === undefined) return from === undefined ? { uid: 0, gid: 0 } : undefined
  const accounts = parseOwner(step.chown).names ? await readAccounts(root) : { users: [], groups: [] }
  return resolveOwner(step.chown, accounts)
}
