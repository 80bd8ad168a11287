import type { BuildSession } from '../build-session.ts'
import { cacheKey } from '../cache/key.ts'
import { stepVersion } from '../cache/layer-key.ts'
import { emptyLookup } from '../files/node.ts'
import { type LayerStack, pushLayer } from '../image/layer-stack.ts'
import { selectPath } from '../layer/copy-sources.ts'
import { LayerPlan } from '../layer/layer-plan.ts'
import { planCopy } from '../layer/plan-copy.ts'
import { readSource, type SelectedFiles } from './copy-inputs.ts'
import { layerStep } from './layer-step.ts'

/** A path of the build context, looked at, without what is ignored. */
export function contextInput(session: BuildSession, source: string): Promise<SelectedFiles> {
  const tree = session.context()
  return readSource(session, tree, selectPath(tree, source.replace(/^\/+|\/+$/g, ''), 'the build context'))
}

/** A layer with a path of the build context in it, as `data`: what a RUN mounts of the context. Known ones are not made again. */
export async function contextStack(session: BuildSession, source: string): Promise<LayerStack> {
  const input = await contextInput(session, source)
  const { seconds } = session.options.epoch
  const quickKey = cacheKey(['context', stepVersion, input.field, seconds])
  const { layer } = await layerStep({
    session,
    quickKey,
    text: `context ${source}`,
    onBytes: () => undefined,
    async plan() {
      const plan = new LayerPlan(emptyLookup, seconds)
      const { tree, sources, digests } = input.group
      const isDirectory = sources[0]?.node.type === 'directory'
      planCopy(plan, {
        destination: isDirectory ? '/data/' : '/data',
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
