import type { Range, ResolvedStage, StageGraph, StageInstruction } from '@gantry/dockerfile'
import type { BuildStep } from './events.ts'

/** The steps of one stage, as they are announced: base images first, then instructions that make layers. */
export interface StageSteps {
  readonly bases: readonly { readonly reference: string; readonly range: Range; readonly step: BuildStep }[]
  readonly instructions: ReadonlyMap<StageInstruction, BuildStep>
}

/** How steps are numbered. */
export interface ListStepsOptions {
  /** Default: 0. */
  readonly firstStep?: number
  /** What stood in a list before, which keeps its numbers. */
  readonly known?: ReadonlyMap<number, StageSteps>
}

const layered = new Set<StageInstruction['kind']>(['run', 'copy', 'add', 'workdir'])

/**
 * Numbers everything that a graph will do. Texts are as written; `step-start` brings them expanded. What stood in a list before keeps
 * its number.
 */
export function listSteps(
  graph: StageGraph,
  { firstStep = 0, known = new Map() }: ListStepsOptions = {},
): ReadonlyMap<number, StageSteps> {
  let id =
    firstStep + [...known.values()].reduce((sum, { bases, instructions }) => sum + bases.length + instructions.size, 0)
  const lists = graph.stages.map((stage): [number, StageSteps] => {
    const images = imagesOf(stage)
    const instructions = stage.instructions.filter(({ kind }) => layered.has(kind))
    const total = images.length + instructions.length
    const name = stageName(stage)
    const before = known.get(stage.stage.index)
    const make = (kind: BuildStep['kind'], text: string, range: Range, position: number): BuildStep => ({
      id: id++,
      stage: stage.stage.index,
      stageName: name,
      position,
      total,
      kind,
      text,
      range,
    })
    const bases = images.map(({ reference, range }, index) => {
      const step =
        before?.bases.find((base) => base.reference === reference)?.step ??
        make('from', `FROM ${reference}`, range, index + 1)
      return { reference, range, step }
    })
    const steps = instructions.map((instruction, index): [StageInstruction, BuildStep] => [
      instruction,
      {
        ...make(kindOf(instruction), instruction.written, instruction.range, images.length + index + 1),
        ...numberOf(before?.instructions.get(instruction)),
      },
    ])
    return [stage.stage.index, { bases, instructions: new Map(steps) }]
  })
  return new Map(lists)
}

function numberOf(step: BuildStep | undefined): Pick<BuildStep, 'id'> | undefined {
  return step === undefined ? undefined : { id: step.id }
}

/** What a stage is called when it has no name. */
export function stageName(stage: ResolvedStage): string {
  return stage.stage.name ?? `stage-${stage.stage.index}`
}

function kindOf({ kind }: StageInstruction): BuildStep['kind'] {
  return kind === 'run' || kind === 'copy' || kind === 'add' ? kind : 'workdir'
}

function imagesOf(stage: ResolvedStage): { reference: string; range: Range }[] {
  const found = new Map<string, Range>()
  for (const source of [stage.base, ...stage.files.values()]) {
    if (source.kind === 'image' && !found.has(source.reference)) found.set(source.reference, source.range)
  }
  return [...found].map(([reference, range]) => ({ reference, range }))
}
