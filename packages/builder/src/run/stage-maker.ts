import type { StageInstruction, StageSource } from '@gantry/dockerfile'
import type { Platform } from '@gantry/oci'
import type { BuildSession } from '../build-session.ts'
import type { StepOutcome } from '../step-outcome.ts'
import type { NetworkUse } from '../egress/network-use.ts'
import type { BuildStep } from '../events.ts'
import { type LayerStack, pushLayer } from '../image/layer-stack.ts'
import type { PlannedMount, PlannedStep, RunStep } from '../plan/planned-step.ts'
import { contextStack } from '../steps/context-stack.ts'
import { copyStep } from '../steps/copy-step.ts'
import type { MountFiles } from '../steps/run-mounts.ts'
import { runStep } from '../steps/run-step.ts'
import { workdirStep } from '../steps/workdir-step.ts'
import type { BaseImages } from './base-images.ts'
import { onDecidedOf } from './on-decided.ts'
import type { PlannedStage } from './plan-stages.ts'
import { reportStep } from './report-step.ts'
import type { BuildGraph } from './resolve-graph.ts'

/** What layers are made of. */
export interface StageMakerParts {
  readonly session: BuildSession
  readonly graph: BuildGraph
  readonly bases: BaseImages
  readonly planned: ReadonlyMap<number, PlannedStage>
}

/** Makes the layers of stages that are thought out: those that do not need each other side by side. */
export class StageMaker {
  readonly #session: BuildSession
  readonly #graph: BuildGraph
  readonly #bases: BaseImages
  readonly #planned: ReadonlyMap<number, PlannedStage>
  readonly #stacks = new Map<number, Promise<LayerStack>>()

  constructor({ session, graph, bases, planned }: StageMakerParts) {
    this.#session = session
    this.#graph = graph
    this.#bases = bases
    this.#planned = planned
  }

  /** The layers of a stage, made once. */
  stack(index: number): Promise<LayerStack> {
    const known = this.#stacks.get(index)
    if (known !== undefined) return known
    const stack = this.#buildStage(this.#planned.get(index)!)
    this.#stacks.set(index, stack)
    return stack
  }

  async #buildStage(planned: PlannedStage): Promise<LayerStack> {
    const { stage, steps } = planned
    const asked = this.#graph.platforms.get(stage.stage.index)!
    let stack = await this.#stackOf(stage.base, asked)
    const byInstruction = new Map<StageInstruction, PlannedStep>(steps.map((step) => [step.instruction, step]))
    for (const [instruction, announced] of this.#graph.lists.get(stage.stage.index)!.instructions) {
      const step = byInstruction.get(instruction)
      const info = { ...announced, text: step?.text ?? announced.text }
      const below = stack
      // Waiting for another stage is not part of the step, nor is that stage's failure.
      for (const source of step === undefined ? [] : sourcesOf(step)) await this.#stackOf(source, asked)
      stack = await reportStep(this.#session, info, async () => {
        if (step === undefined) return { stack: below, cached: true }
        const { layer, cached } = await this.#make(step, info, below, planned)
        return {
          stack: pushLayer(below, { descriptor: layer, diffId: layer.digest, made: true }),
          cached,
          digest: layer,
        }
      }).then((done) => done.stack)
    }
    return stack
  }

  async #make(step: PlannedStep, info: BuildStep, stack: LayerStack, planned: PlannedStage): Promise<StepOutcome> {
    const { platform, stage } = planned
    const session = this.#session
    const progress =
      (what: 'unpack' | 'write') =>
      (current: number, total: number): void =>
        this.#session.options.onEvent({ kind: 'progress', step: info, what, current, total })
    const onDecided = onDecidedOf(session, info, {
      stage,
      platform,
      list: this.#graph.lists.get(stage.stage.index)!,
    })
    if (step.kind === 'workdir') return workdirStep(session, step, stack, { platform, onDecided })
    if (step.kind === 'run') {
      const onOutput = (stream: 'stdout' | 'stderr', data: Uint8Array): void =>
        this.#session.options.onEvent({ kind: 'output', step: info, stream, data })
      const onNetwork = (use: NetworkUse): void => this.#session.options.onEvent({ kind: 'network', step: info, use })
      const files = await this.#mountFiles(step, planned)
      const outcome = await runStep({
        session,
        step,
        id: info.id,
        stack,
        platform,
        files,
        onOutput,
        onUnpack: progress('unpack'),
        onDecided,
        onNetwork,
      })
      // Of a step that was done earlier it is told too: what it reached is in the image all the same.
      if (outcome.cached) for (const use of outcome.network ?? []) onNetwork(use)
      return outcome
    }
    const source = step.from
    const asked = this.#graph.platforms.get(stage.stage.index)!
    const from =
      source === undefined || source.kind === 'context'
        ? undefined
        : {
            stack: await this.#stackOf(source, asked),
            platform: source.kind === 'stage' ? this.#planned.get(source.index)!.platform : platform,
            name: step.instruction.kind === 'copy' ? (step.instruction.from?.text ?? '') : '',
          }
    const context = source?.kind === 'context' ? source.name : ''
    return copyStep({
      session,
      step,
      id: info.id,
      stack,
      platform,
      from,
      context,
      onBytes: progress('write'),
      onUnpack: progress('unpack'),
      onDecided,
    })
  }

  async #mountFiles(step: RunStep, { platform, stage }: PlannedStage): Promise<Map<PlannedMount, MountFiles>> {
    const asked = this.#graph.platforms.get(stage.stage.index)!
    const files = new Map<PlannedMount, MountFiles>()
    for (const mount of step.mounts) {
      const { source } = mount
      if (source === undefined || source.kind === 'context') continue
      const own = source.kind === 'stage' ? this.#planned.get(source.index)!.platform : platform
      files.set(mount, { stack: await this.#stackOf(source, asked), platform: own })
    }
    return files
  }

  async #stackOf(source: StageSource, platform: Platform): Promise<LayerStack> {
    if (source.kind === 'scratch') return []
    if (source.kind === 'stage') return this.stack(source.index)
    if (source.kind === 'context') return contextStack(this.#session, { name: source.name, source: '/', at: '/' })
    return (await this.#bases.get(source.reference, platform)).stack
  }
}

/** The stages and images that a step takes files from. */
function sourcesOf(step: PlannedStep): readonly StageSource[] {
  const sources =
    step.kind === 'copy' ? [step.from] : step.kind === 'run' ? step.mounts.map(({ source }) => source) : []
  return sources.flatMap((source) => (source === undefined || source.kind === 'context' ? [] : source))
}
