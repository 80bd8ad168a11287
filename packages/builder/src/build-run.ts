import type { Platform } from '@gantry/oci'
import type { BuildSession } from './build-session.ts'
import type { LayerStack } from './image/layer-stack.ts'
import type { StageState } from './plan/stage-state.ts'
import { BaseImages } from './run/base-images.ts'
import { type PlannedStage, planStages } from './run/plan-stages.ts'
import { type BuildGraph, type BuildRunOptions, firstGraph, resolveGraph } from './run/resolve-graph.ts'
import { settleAll } from './run/settle-all.ts'
import { StageMaker } from './run/stage-maker.ts'

/** The target, built. */
export interface BuiltStage {
  readonly state: StageState
  readonly stack: LayerStack
  readonly platform: Platform
}

/** Carries out a graph of stages once: finds the base images, plans every stage, then makes the layers. */
export class BuildRun {
  /** RFC 3339: when everything in the image was made. */
  readonly created: string
  readonly usedArgs: Set<string> = new Set()
  readonly #session: BuildSession
  readonly #options: BuildRunOptions
  readonly #bases: BaseImages
  #graph: BuildGraph
  #environments: ReadonlyMap<number, readonly string[]> = new Map()
  #planned: ReadonlyMap<number, PlannedStage> = new Map()

  /** @throws DockerfileError */
  constructor(session: BuildSession, options: BuildRunOptions) {
    this.#session = session
    this.#options = options
    this.#bases = new BaseImages(session, options)
    this.#graph = firstGraph(options)
    this.created = new Date(session.options.epoch.seconds * 1000).toISOString().replace('.000Z', 'Z')
  }

  /** Finds the base images and thinks every stage out; nothing is made. Called once. */
  plan(): Promise<void> {
    const session = this.#session
    const { globals, hostPlatform } = this.#options
    return this.#unlessAborted(async () => {
      const graph = await resolveGraph(session, this.#options, { first: this.#graph, bases: this.#bases })
      this.#graph = graph
      this.#environments = graph.environments
      this.#planned = await planStages({
        session,
        graph,
        bases: this.#bases,
        globals,
        hostPlatform,
        created: this.created,
        onArg: (name) => this.usedArgs.add(name),
      })
    })
  }

  /** Builds the target with all it needs. Called once, after `plan`. */
  async target(): Promise<BuiltStage> {
    const { stages, target } = this.#graph.graph
    const [session, graph, bases, planned] = [this.#session, this.#graph, this.#bases, this.#planned]
    const maker = new StageMaker({ session, graph, bases, planned })
    const stacks = (): Promise<LayerStack>[] => stages.map(({ stage }) => maker.stack(stage.index))
    await this.#unlessAborted(() => settleAll(stacks(), this.#options.stop))
    const { index } = target.stage
    const { state, platform } = planned.get(index)!
    return { state, platform, stack: await maker.stack(index) }
  }

  /** The ids of the cache mounts of its RUNs. After `plan`. */
  cacheMounts(): readonly string[] {
    return [...this.#planned.values()].flatMap(({ steps }) =>
      steps.flatMap((step) =>
        step.kind === 'run' ? step.mounts.flatMap(({ mount }) => (mount.type === 'cache' ? mount.id : [])) : [],
      ),
    )
  }

  /** The names of the variables that base images set, by the stage that starts from them. After `plan`. */
  environments(): ReadonlyMap<number, readonly string[]> {
    return this.#environments
  }

  async #unlessAborted(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      // What a step says when it is stopped is not why the build failed.
      this.#session.options.signal.throwIfAborted()
      throw error
    }
  }
}
