import type { BuildSession } from '../build-session.ts'
import { stepKey } from '../cache/step-key.ts'
import { emptyLookup, type Tree } from '../files/node.ts'
import { type LayerStack, pushLayer } from '../image/layer-stack.ts'
import { selectPath } from '../layer/copy-sources.ts'
import { LayerPlan } from '../layer/layer-plan.ts'
import { planCopy } from '../layer/plan-copy.ts'
import { readSource, type SelectedFiles } from './copy-inputs.ts'
import { layerStep } from './layer-step.ts'

/** What was looked at, by the tree it is in: as long as the build lasts. */
const looked = new WeakMap<Tree, Map<string, Promise<SelectedFiles>>>()

/**
 * A path of a context, looked at, without what is ignored. The build's own context has the empty name. A build looks once, so that
 * the key of a RUN and the layer that it mounts are of the same files.
 */
export function contextInput(session: BuildSession, name: string, source: string): Promise<SelectedFiles> {
  const tree = session.context(name)
  const inputs = looked.getOrInsertComputed(tree, () => new Map<string, Promise<SelectedFiles>>())
  return inputs.getOrInsertComputed(source, async () =>
    readSource(session, tree, selectPath(tree, source.replace(/^\/+|\/+$/g, ''), 'the build context')),
  )
}

/** Which files of a context become a layer, and where they are in it. */
export interface ContextPart {
  /** The name of the context; empty for the build's own. */
  readonly name: string
  readonly source: string
  /** The path in the layer; `/` for a context that is a whole root file system. */
  readonly at: string
}

/** A layer with files of a context in it: what a RUN mounts of it, or what a stage starts from. Known ones are not made again. */
export async function contextStack(session: BuildSession, { name, source, at }: ContextPart): Promise<LayerStack> {
  const input = await contextInput(session, name, source)
  const { seconds } = session.options.epoch
  const quickKey = stepKey('context', { at, sources: [input.field], epoch: seconds })
  const { layer } = await layerStep({
    session,
    quickKey,
    text: `context ${source}`,
    onBytes: () => undefined,
    onDecided: () => undefined,
    async plan() {
      const plan = new LayerPlan(emptyLookup, seconds)
      const { tree, sources, digests } = input.group
      const isDirectory = sources[0]?.node.type === 'directory'
      planCopy(plan, {
        destination: isDirectory && at !== '/' ? `${at}/` : at,
        sources,
        inline: [],
        named: 1,
        group: 0,
        owner: { uid: 0, gid: 0 },
        mode: undefined,
        tree,
        digestOf: (node) => digests.get(node) ?? '',
        epoch: seconds,
        clamp: undefined,
      })
      return plan.entries()
    },
  })
  return pushLayer([], { descriptor: layer, diffId: layer.digest, made: true })
}
