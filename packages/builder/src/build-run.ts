import {
  parseTrigger,
  type ResolvedStage,
  type StageGraph,
  type StageInstruction,
  type StageSource,
  type Variables,
} from '@gantry/dockerfile'
import { formatPlatform, matchesPlatform, type Platform } from '@gantry/oci'
import { BuildError, locate } from './build-error.ts'
import type { BuildSession, OnDecided, StepOutcome } from './build-session.ts'
import type { NetworkUse } from './egress/network-use.ts'
import type { BuildEvent, BuildStep } from './events.ts'
import { type BaseImage, findBaseImage } from './image/base-image.ts'
import { type LayerStack, pushLayer } from './image/layer-stack.ts'
import { planStage } from './plan/plan-stage.ts'
import type { PlannedMount, PlannedStep, RunStep } from './plan/planned-step.ts'
import { stateFromImage, stateFromScratch, stateFromStage, type StageState } from './plan/stage-state.ts'
import { canRun, runObstacle } from './platform-support.ts'
import { listSteps, stageName, type StageSteps } from './step-list.ts'
import { contextStack } from './steps/context-stack.ts'
import { copyStep } from './steps/copy-step.ts'
import type { MountFiles } from './steps/run-mounts.ts'
import { runStep } from './steps/run-step.ts'
import { workdirStep } from './steps/workdir-step.ts'
import { reasonOf } from './why/reason-of.ts'

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

/** A stage that is thought out: what its steps are and what its image will say. */
interface PlannedStage {
  readonly stage: ResolvedStage
  readonly platform: Platform
  readonly state: StageState
  readonly steps: readonly PlannedStep[]
}

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
  #graph: StageGraph
  #platforms: ReadonlyMap<number, Platform>
  #lists: ReadonlyMap<number, StageSteps>
  /** Steps of base images that have been announced, by number. */
  readonly #found = new Set<number>()
  readonly #bases = new Map<string, Promise<BaseImage>>()
  readonly #environments = new Map<number, readonly string[]>()
  readonly #planned = new Map<number, PlannedStage>()
  readonly #stacks = new Map<number, Promise<LayerStack>>()

  constructor(session: BuildSession, options: BuildRunOptions) {
    this.#session = session
    this.#options = options
    this.#graph = options.resolve(new Map())
    this.#platforms = options.platformsOf(this.#graph)
    this.#lists = listSteps(this.#graph, { firstStep: options.firstStep })
    this.created = new Date(session.options.epoch.seconds * 1000).toISOString().replace('.000Z', 'Z')
  }

  /** Finds the base images and thinks every stage out; nothing is made. Called once. */
  plan(): Promise<void> {
    return this.#unlessAborted(async () => {
      await this.#findAllBases()
      for (const stage of this.#graph.stages) this.#planned.set(stage.stage.index, await this.#plan(stage))
    })
  }

  /** Builds the target with all it needs. Called once, after `plan`. */
  async target(): Promise<BuiltStage> {
    const { stop } = this.#options
    const stacks = (): Promise<LayerStack>[] => this.#graph.stages.map(({ stage }) => this.#stack(stage.index))
    await this.#unlessAborted(() => settleAll(stacks(), stop))
    const { index } = this.#graph.target.stage
    const { state, platform } = this.#planned.get(index)!
    return { state, platform, stack: await this.#stack(index) }
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

  #emit(event: BuildEvent): void {
    this.#session.options.onEvent(event)
  }

  /** Finds the images that stages start from and copy from, and what those images put off, which may need others again. */
  async #findAllBases(): Promise<void> {
    const triggers = new Map<number, readonly StageInstruction[]>()
    for (;;) {
      this.#emitPlan()
      await settleAll(
        this.#graph.stages.flatMap((stage) => this.#findBases(stage)),
        this.#options.stop,
      )
      let isNew = false
      for (const stage of this.#graph.stages) {
        const { index } = stage.stage
        if (stage.base.kind !== 'image' || triggers.has(index)) continue
        const { reference } = stage.base
        const { config } = await this.#base(reference, this.#platforms.get(index)!)
        this.#environments.set(
          index,
          (config.config?.Env ?? []).map((entry) => entry.split('=', 1)[0]!),
        )
        const found = (config.config?.OnBuild ?? []).map((text) => parseTrigger(text, { image: reference }))
        triggers.set(index, found)
        isNew ||= found.length > 0
      }
      if (!isNew) return
      this.#graph = this.#options.resolve(triggers)
      this.#platforms = this.#options.platformsOf(this.#graph)
      this.#lists = listSteps(this.#graph, { firstStep: this.#options.firstStep, known: this.#lists })
    }
  }

  #emitPlan(): void {
    const graph = this.#graph
    const steps = [...this.#lists.values()].flatMap((list) => [
      ...list.bases.map(({ step }) => step),
      ...list.instructions.values(),
    ])
    const stages = graph.stages.map((stage) => ({
      index: stage.stage.index,
      name: stageName(stage),
      steps: steps.filter((step) => step.stage === stage.stage.index).length,
    }))
    this.#emit({ kind: 'plan', steps, stages })
  }

  /** Runs one step with its events; what goes wrong gets its place in the Dockerfile. */
  async #step<Result>(
    step: BuildStep,
    work: () => Promise<Result & { readonly cached: boolean; readonly digest?: BaseImage['descriptor'] }>,
  ): Promise<Result> {
    this.#session.options.signal.throwIfAborted()
    const started = performance.now()
    const duration = (): number => Math.round(performance.now() - started)
    this.#emit({ kind: 'step-start', step })
    try {
      const result = await work()
      const { cached, digest: made } = result
      const what = made === undefined ? {} : { digest: made.digest, size: made.size }
      this.#emit({ kind: 'step-done', step, cached, duration: duration(), ...what })
      return result
    } catch (error) {
      const located = locate(error, this.#session.options.dockerfile.file, step.range)
      const failure = located instanceof Error ? located : new Error(String(located))
      this.#emit({ kind: 'step-failed', step, error: failure, duration: duration() })
      throw failure
    }
  }

  #findBases(stage: ResolvedStage): Promise<BaseImage>[] {
    const { index } = stage.stage
    const { pull } = this.#options
    const platform = this.#platforms.get(index)!
    const { signal } = this.#session.options
    return this.#lists.get(index)!.bases.flatMap(({ reference, step }) => {
      if (this.#found.has(step.id)) return []
      this.#found.add(step.id)
      const key = `${formatPlatform(platform)} ${reference}`
      const known = this.#bases.get(key)
      const found = this.#step(step, async () => {
        const onProgress = (current: number, total: number | undefined): void =>
          this.#emit({ kind: 'progress', step, what: 'pull', current, ...(total === undefined ? {} : { total }) })
        let pulled = false
        const image = await (known ??
          findBaseImage(reference, this.#session.ports, {
            platform,
            pull,
            signal,
            onProgress: (current, total) => {
              pulled = true
              onProgress(current, total)
            },
          }))
        const { algorithm, hex } = digestParts(image.descriptor.digest)
        this.#session.addMaterial({ uri: imageUri(reference, platform), digest: { [algorithm]: hex } })
        return { image, cached: !pulled, digest: image.descriptor }
      }).then(({ image }) => image)
      if (known === undefined) this.#bases.set(key, found)
      return [found]
    })
  }

  #base(reference: string, platform: Platform): Promise<BaseImage> {
    return this.#bases.get(`${formatPlatform(platform)} ${reference}`)!
  }

  async #plan(stage: ResolvedStage): Promise<PlannedStage> {
    const { base } = stage
    const { dockerfile, buildArgs, network, allow, egress } = this.#session.options
    const { index } = stage.stage
    const asked = this.#platforms.get(index)!
    let state: StageState
    let platform = asked
    if (base.kind === 'scratch') state = stateFromScratch()
    else if (base.kind === 'stage') {
      const below = this.#planned.get(base.index)!
      state = stateFromStage(below.state)
      if (stage.platform === undefined) platform = below.platform
    } else if (base.kind === 'context') state = stateFromScratch()
    else {
      const { config } = await this.#base(base.reference, asked)
      state = stateFromImage(config)
      platform = platformOfImage(config, asked)
      if (!matchesPlatform(asked, platform)) {
        const message = `the image "${base.reference}" is for ${formatPlatform(platform)}, not ${formatPlatform(asked)}`
        this.#emit({ kind: 'warning', rule: 'InvalidBaseImagePlatform', message, range: base.range })
      }
    }
    const steps = planStage(
      {
        dockerfile,
        globals: this.#options.globals,
        buildArgs,
        network,
        allow,
        isWatched: egress !== undefined,
        created: this.created,
        onArg: (name) => this.usedArgs.add(name),
      },
      stage,
      state,
    )
    const run = steps.find((step) => step.kind === 'run')
    if (run !== undefined && !canRun(platform, this.#options.hostPlatform)) {
      throw new BuildError(
        'PLATFORM_UNSUPPORTED',
        `Cannot run programs for ${formatPlatform(platform)} on ${formatPlatform(this.#options.hostPlatform)}`,
        {
          hint: 'install an emulator (qemu-user-static with binfmt), or cross-compile in a stage with --platform=$BUILDPLATFORM',
          at: { file: dockerfile.file, range: run.instruction.keyword },
        },
      )
    }
    const obstacle = run === undefined ? undefined : runObstacle(this.#session.ports.host)
    if (run !== undefined && obstacle !== undefined) {
      const at = { file: dockerfile.file, range: run.instruction.keyword }
      throw new BuildError('RUN_UNAVAILABLE', `Cannot run programs here: ${obstacle.reason}`, { ...obstacle, at })
    }
    return { stage, platform, state, steps }
  }

  #stack(index: number): Promise<LayerStack> {
    const known = this.#stacks.get(index)
    if (known !== undefined) return known
    const stack = this.#buildStage(this.#planned.get(index)!)
    this.#stacks.set(index, stack)
    return stack
  }

  async #buildStage(planned: PlannedStage): Promise<LayerStack> {
    const { stage, steps } = planned
    const asked = this.#platforms.get(stage.stage.index)!
    let stack = await this.#stackOf(stage.base, asked)
    const byInstruction = new Map<StageInstruction, PlannedStep>(steps.map((step) => [step.instruction, step]))
    for (const [instruction, announced] of this.#lists.get(stage.stage.index)!.instructions) {
      const step = byInstruction.get(instruction)
      const info = { ...announced, text: step?.text ?? announced.text }
      const below = stack
      // Waiting for another stage is not part of the step, nor is that stage's failure.
      for (const source of step === undefined ? [] : sourcesOf(step)) await this.#stackOf(source, asked)
      stack = await this.#step(info, async () => {
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
        this.#emit({ kind: 'progress', step: info, what, current, total })
    const onDecided = this.#decided(info, planned)
    if (step.kind === 'workdir') return workdirStep(session, step, stack, { platform, onDecided })
    if (step.kind === 'run') {
      const onOutput = (stream: 'stdout' | 'stderr', data: Uint8Array): void =>
        this.#emit({ kind: 'output', step: info, stream, data })
      const onNetwork = (use: NetworkUse): void => this.#emit({ kind: 'network', step: info, use })
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
    const asked = this.#platforms.get(stage.stage.index)!
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

  /** Tells why a step is done or not, and remembers what it was made of for the next build. */
  #decided(info: BuildStep, { stage, platform }: PlannedStage): OnDecided {
    const { history, options } = this.#session
    const written = this.#writtenIn(stage)
    const at = info.position - this.#lists.get(stage.stage.index)!.bases.length - 1
    const place = {
      project: options.project,
      stage: `${stageName(stage)} ${formatPlatform(platform)}`,
      position: at,
      written: written[at] ?? info.text,
      occurrence: written.slice(0, at).filter((text) => text === written[at]).length,
    }
    return (decision) => {
      if (options.why) {
        const compared =
          decision.found === undefined || decision.found === 'content'
            ? history.compare(place, decision.key)
            : undefined
        const reason = reasonOf(decision, { compared, noCache: options.noCache })
        this.#emit({ kind: 'reason', step: info, reason })
      }
      history.note(place, decision.key)
    }
  }

  #writtenIn(stage: ResolvedStage): readonly string[] {
    return [...this.#lists.get(stage.stage.index)!.instructions.keys()].map((instruction) => instruction.written)
  }

  async #mountFiles(step: RunStep, { platform, stage }: PlannedStage): Promise<Map<PlannedMount, MountFiles>> {
    const asked = this.#platforms.get(stage.stage.index)!
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
    if (source.kind === 'stage') return this.#stack(source.index)
    if (source.kind === 'context') return contextStack(this.#session, { name: source.name, source: '/', at: '/' })
    return (await this.#base(source.reference, platform)).stack
  }
}

/** The stages and images that a step takes files from. */
function sourcesOf(step: PlannedStep): readonly StageSource[] {
  const sources =
    step.kind === 'copy' ? [step.from] : step.kind === 'run' ? step.mounts.map(({ source }) => source) : []
  return sources.flatMap((source) => (source === undefined || source.kind === 'context' ? [] : source))
}

function platformOfImage(config: BaseImage['config'], asked: Platform): Platform {
  const { architecture, os, variant } = config
  return { ...asked, architecture, os, ...(variant === undefined ? {} : { variant }) }
}

/** Waits for all, stops the others when one fails, and rejects with the first failure once all have ended. */
async function settleAll(promises: readonly Promise<unknown>[], stop: AbortController): Promise<void> {
  let failed = false
  let first: unknown
  await Promise.all(
    promises.map((promise) =>
      promise.catch((error: unknown) => {
        if (!failed) first = error
        failed = true
        stop.abort(error)
      }),
    ),
  )
  if (failed) throw first
}

function digestParts(digest: string): { readonly algorithm: string; readonly hex: string } {
  const colon = digest.indexOf(':')
  return { algorithm: digest.slice(0, colon), hex: digest.slice(colon + 1) }
}

/** The package URL of a base image, as BuildKit writes it. */
function imageUri(reference: string, platform: Platform): string {
  if (reference.startsWith('oci-layout://')) return `oci-layout:${reference.split('/').at(-1) ?? ''}`
  const [name = '', tag] = reference.split('@')[0]!.split(/:(?=[^/]*$)/)
  const version = tag === undefined ? '' : `@${tag}`
  return `pkg:docker/${name}${version}?platform=${encodeURIComponent(formatPlatform(platform))}`
}
