import { parseTrigger, type StageGraph, type StageInstruction, type Variables } from '@gantry/dockerfile'
import type { Platform } from '@gantry/oci'
import type { BuildSession } from '../build-session.ts'
import { listSteps, stageName, type StageSteps } from '../step-list.ts'
import type { BaseImages } from './base-images.ts'
import { settleAll } from './settle-all.ts'

/** Instructions that images put off, by the stage that they stand at the top of. */
export type Triggers = ReadonlyMap<number, readonly StageInstruction[]>

/** What is to be built. */
export interface BuildRunOptions {
  /** The graph, with what base images put off for the stages that start from them. */
  readonly resolve: (triggers: Triggers) => StageGraph
  readonly globals: Variables
  /** By stage. */
  readonly platformsOf: (graph: StageGraph) => ReadonlyMap<number, Platform>
  readonly hostPlatform: Platform
  readonly pull: boolean
  /** The number of the first step. */
  readonly firstStep: number
  /** Stops everything that is under way when one step has failed. */
  readonly stop: AbortController
}

/** The stages of a build with their platforms and steps. */
export interface BuildGraph {
  readonly graph: StageGraph
  readonly platforms: ReadonlyMap<number, Platform>
  readonly lists: ReadonlyMap<number, StageSteps>
}

/** The graph as it is when nothing is known of base images. @throws DockerfileError */
export function firstGraph({ resolve, platformsOf, firstStep }: BuildRunOptions): BuildGraph {
  const graph = resolve(new Map())
  return { graph, platforms: platformsOf(graph), lists: listSteps(graph, { firstStep }) }
}

/** The graph with everything that base images say. */
export interface ResolvedGraph extends BuildGraph {
  /** The names of the variables that base images set, by the stage that starts from them. */
  readonly environments: ReadonlyMap<number, readonly string[]>
}

/** Finds the images that stages start from and copy from, and what those images put off, which may need others again. */
export async function resolveGraph(
  session: BuildSession,
  options: BuildRunOptions,
  { first, bases }: { readonly first: BuildGraph; readonly bases: BaseImages },
): Promise<ResolvedGraph> {
  const triggers = new Map<number, readonly StageInstruction[]>()
  const environments = new Map<number, readonly string[]>()
  for (let found = first; ;) {
    announce(session, found)
    const { graph, platforms, lists } = found
    await settleAll(
      graph.stages.flatMap(({ stage: { index } }) => bases.find(lists.get(index)!.bases, platforms.get(index)!)),
      options.stop,
    )
    let isNew = false
    for (const { stage, base } of graph.stages) {
      const { index } = stage
      if (base.kind !== 'image' || triggers.has(index)) continue
      const { reference } = base
      const { config } = await bases.get(reference, platforms.get(index)!)
      environments.set(
        index,
        (config.config?.Env ?? []).map((entry) => entry.split('=', 1)[0]!),
      )
      const put = (config.config?.OnBuild ?? []).map((text) => parseTrigger(text, { image: reference }))
      triggers.set(index, put)
      isNew ||= put.length > 0
    }
    if (!isNew) return { ...found, environments }
    const next = options.resolve(triggers)
    const known = { firstStep: options.firstStep, known: lists }
    found = { graph: next, platforms: options.platformsOf(next), lists: listSteps(next, known) }
  }
}

function announce({ options }: Pick<BuildSession, 'options'>, { graph, lists }: BuildGraph): void {
  const steps = [...lists.values()].flatMap((list) => [
    ...list.bases.map(({ step }) => step),
    ...list.instructions.values(),
  ])
  const stages = graph.stages.map((stage) => ({
    index: stage.stage.index,
    name: stageName(stage),
    steps: steps.filter((step) => step.stage === stage.stage.index).length,
  }))
  options.onEvent({ kind: 'plan', steps, stages })
}
