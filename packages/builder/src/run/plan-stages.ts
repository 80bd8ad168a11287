import type { ResolvedStage, Variables } from '@gantry/dockerfile'
import { formatPlatform, matchesPlatform, type Platform } from '@gantry/oci'
import { BuildError } from '../build-error.ts'
import type { BuildSession } from '../build-session.ts'
import type { BaseImage } from '../image/base-image.ts'
import { planStage } from '../plan/plan-stage.ts'
import type { PlannedStep } from '../plan/planned-step.ts'
import { stateFromImage, stateFromScratch, stateFromStage, type StageState } from '../plan/stage-state.ts'
import { canRun, runObstacle } from '../platform-support.ts'
import type { BaseImages } from './base-images.ts'
import type { BuildGraph } from './resolve-graph.ts'

/** A stage that is thought out: what its steps are and what its image will say. */
export interface PlannedStage {
  readonly stage: ResolvedStage
  readonly platform: Platform
  readonly state: StageState
  readonly steps: readonly PlannedStep[]
}

/** What stages are thought out with. */
export interface PlanParts {
  readonly session: BuildSession
  readonly graph: BuildGraph
  readonly bases: BaseImages
  readonly globals: Variables
  readonly hostPlatform: Platform
  /** RFC 3339. */
  readonly created: string
  /** Told of each argument that is used. */
  readonly onArg: (name: string) => void
}

/** Thinks every stage out, by its number; nothing is made. @throws BuildError, DockerfileError */
export async function planStages(parts: PlanParts): Promise<ReadonlyMap<number, PlannedStage>> {
  const planned = new Map<number, PlannedStage>()
  for (const stage of parts.graph.graph.stages) planned.set(stage.stage.index, await planOne(parts, stage, planned))
  return planned
}

async function planOne(
  parts: PlanParts,
  stage: ResolvedStage,
  known: ReadonlyMap<number, PlannedStage>,
): Promise<PlannedStage> {
  const { session, graph, bases, globals, created, onArg } = parts
  const { base } = stage
  const { dockerfile, buildArgs, network, allow, egress } = session.options
  const { index } = stage.stage
  const asked = graph.platforms.get(index)!
  let state: StageState
  let platform = asked
  if (base.kind === 'scratch') state = stateFromScratch()
  else if (base.kind === 'stage') {
    const below = known.get(base.index)!
    state = stateFromStage(below.state)
    if (stage.platform === undefined) platform = below.platform
  } else if (base.kind === 'context') state = stateFromScratch()
  else {
    const { config } = await bases.get(base.reference, asked)
    state = stateFromImage(config)
    platform = platformOfImage(config, asked)
    if (!matchesPlatform(asked, platform)) {
      const message = `the image "${base.reference}" is for ${formatPlatform(platform)}, not ${formatPlatform(asked)}`
      session.options.onEvent({ kind: 'warning', rule: 'InvalidBaseImagePlatform', message, range: base.range })
    }
  }
  const steps = planStage(
    {
      dockerfile,
      globals,
      buildArgs,
      network,
      allow,
      isWatched: egress !== undefined,
      created,
      onArg,
    },
    stage,
    state,
  )
  checkRuns(parts, steps, platform)
  return { stage, platform, state, steps }
}

/** Sees to it that the programs of a stage can be run here. @throws BuildError PLATFORM_UNSUPPORTED, RUN_UNAVAILABLE */
function checkRuns({ session, hostPlatform }: PlanParts, steps: readonly PlannedStep[], platform: Platform): void {
  const { dockerfile } = session.options
  const run = steps.find((step) => step.kind === 'run')
  if (run !== undefined && !canRun(platform, hostPlatform)) {
    throw new BuildError(
      'PLATFORM_UNSUPPORTED',
      `Cannot run programs for ${formatPlatform(platform)} on ${formatPlatform(hostPlatform)}`,
      {
        hint: 'install an emulator (qemu-user-static with binfmt), or cross-compile in a stage with --platform=$BUILDPLATFORM',
        at: { file: dockerfile.file, range: run.instruction.keyword },
      },
    )
  }
  const obstacle = run === undefined ? undefined : runObstacle(session.ports.host)
  if (run !== undefined && obstacle !== undefined) {
    const at = { file: dockerfile.file, range: run.instruction.keyword }
    throw new BuildError('RUN_UNAVAILABLE', `Cannot run programs here: ${obstacle.reason}`, { ...obstacle, at })
  }
}

function platformOfImage(config: BaseImage['config'], asked: Platform): Platform {
  const { architecture, os, variant } = config
  return { ...asked, architecture, os, ...(variant === undefined ? {} : { variant }) }
}
