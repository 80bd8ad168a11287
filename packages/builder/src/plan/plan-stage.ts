import {
  type ArgInstruction,
  DockerfileError,
  type Dockerfile,
  expandText,
  type Range,
  type ResolvedStage,
  type StageInstruction,
  type Text,
  type Variables,
} from '@gantry/dockerfile'
import { addHistory } from './history.ts'
import { applyMetadata } from './apply-metadata.ts'
import { planCopyStep } from './plan-copy-step.ts'
import { planRunStep } from './plan-run-step.ts'
import { planWorkdirStep } from './plan-workdir-step.ts'
import type { PlannedStep } from './planned-step.ts'
import type { StageState } from './stage-state.ts'

/** What evaluating a stage needs besides the stage. */
export interface PlanContext {
  readonly dockerfile: Dockerfile
  /** ARGs before the first FROM, with the automatic ones. */
  readonly globals: Variables
  readonly buildArgs: Variables
  /** What a RUN reaches that does not say it. */
  readonly network: 'default' | 'none' | 'host'
  /** What RUNs may have that reaches beyond the build. */
  readonly allow: readonly string[]
  /** Whether what RUNs reach is recorded or restricted. */
  readonly isWatched: boolean
  /** When history entries say they were made, RFC 3339. */
  readonly created: string
  /** Called with each build argument that an ARG of a stage took. */
  readonly onArg: (name: string) => void
}

/** One instruction being evaluated. */
export interface Evaluation extends PlanContext {
  readonly state: StageState
  readonly stage: ResolvedStage
  /** Expands variables and removes quotes. */
  expand(text: Text): string
  /** The same, split into words after expansion. */
  words(text: Text): readonly string[]
  /** Refuses the instruction. */
  refuse(message: string, range: Range, hint?: string): never
}

/**
 * Evaluates the instructions of a stage in order: changes its state (config, history, variables) and returns the steps
 * that make layers, everything expanded. Touches nothing else. @throws DockerfileError at the instruction
 */
export function planStage(context: PlanContext, stage: ResolvedStage, state: StageState): PlannedStep[] {
  const { dockerfile } = context
  const evaluation: Evaluation = {
    ...context,
    state,
    stage,
    expand: (text) => expandText(dockerfile, text, state.scope).value,
    words: (text) => expandText(dockerfile, text, state.scope).words,
    refuse: (message, range, hint) => {
      throw new DockerfileError('ARGUMENTS_INVALID', message, { file: dockerfile.file, range, hint })
    },
  }
  return stage.instructions.flatMap((instruction) => planInstruction(evaluation, instruction) ?? [])
}

function planInstruction(evaluation: Evaluation, instruction: StageInstruction): PlannedStep | undefined {
  switch (instruction.kind) {
    case 'run':
      return planRunStep(evaluation, instruction)
    case 'copy':
    case 'add':
      return planCopyStep(evaluation, instruction)
    case 'workdir':
      return planWorkdirStep(evaluation, instruction)
    case 'arg':
      declareArgs(evaluation, instruction)
      return undefined
    default:
      applyMetadata(evaluation, instruction)
      return undefined
  }
}

/** `--build-arg` wins over the default, which wins over the global ARG of the same name. */
function declareArgs(evaluation: Evaluation, instruction: ArgInstruction): void {
  const { state, buildArgs, globals, created, onArg } = evaluation
  const shown = instruction.args.map((arg) => {
    const name = evaluation.expand(arg.name)
    const given = buildArgs.get(name)
    let value = given
    if (given !== undefined) onArg(name)
    else if (arg.value !== undefined) value = evaluation.expand(arg.value)
    else value = globals.get(name)
    state.args.set(name, value)
    if (value !== undefined) state.scope.set(name, value)
    return value === undefined ? name : `${name}=${value}`
  })
  addHistory(state, `ARG ${shown.join(' ')}`, { layer: false, created })
}
