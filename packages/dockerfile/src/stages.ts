import { DockerfileError } from './error.ts'
import type { Range, Text } from './range.ts'
import { expandText, type Variables } from './scope.ts'
import { suggest } from './suggest.ts'
import type { CopyInstruction, Dockerfile, RunMount, Stage, StageInstruction } from './syntax.ts'

/** Where files come from: nothing, an earlier stage, a context that was given a name, or an image by reference. */
export type StageSource =
  | { readonly kind: 'scratch' }
  | { readonly kind: 'stage'; readonly index: number }
  | { readonly kind: 'context'; readonly name: string; readonly range: Range }
  | { readonly kind: 'image'; readonly reference: string; readonly range: Range }

/** A stage with its names resolved. */
export interface ResolvedStage {
  readonly stage: Stage
  readonly base: StageSource
  /** The expanded `--platform`, if given. */
  readonly platform: string | undefined
  /** The instructions: first those that the stage it starts from put off for it (ONBUILD), then its own. */
  readonly instructions: readonly StageInstruction[]
  /** What each `COPY --from` and each `RUN --mount=from=` of the instructions reads. */
  readonly files: ReadonlyMap<CopyInstruction | RunMount, StageSource>
  /** Indices of the stages this one needs, ascending. */
  readonly needs: readonly number[]
}

/** The stages that a target needs, ascending by index, so each comes after what it needs. The target is the last. */
export interface StageGraph {
  readonly target: ResolvedStage
  readonly stages: readonly ResolvedStage[]
}

/** What a context stands for that was given by name: files, an image, or a stage. */
export type NamedContext =
  | { readonly kind: 'files' }
  | { readonly kind: 'image'; readonly reference: string }
  | { readonly kind: 'stage'; readonly name: string }

/** What is known beside the file when its stages are resolved. */
export interface StageOptions {
  /** The name or number of the stage to build. Default: the last. */
  readonly target?: string | undefined
  /** Contexts that were given, by their names in lower case: they stand before stages and images of that name. */
  readonly contexts?: ReadonlyMap<string, NamedContext>
  /** What images put off for the stages that start from them (ONBUILD), by stage. */
  readonly triggers?: ReadonlyMap<number, readonly StageInstruction[]>
}

/**
 * Resolves names between stages and picks what the target needs. FROM refers to earlier stages by name; COPY --from, RUN --mount
 * and the target by name or number; names ignore case, and of two stages with one name the later counts.
 * @throws DockerfileError STAGE_UNKNOWN, STAGE_CYCLE, ARGUMENTS_INVALID (an empty image name), EXPANSION_*
 */
export function resolveStages(dockerfile: Dockerfile, globals: Variables, options: StageOptions = {}): StageGraph {
  const { stages } = dockerfile
  const { target, contexts = new Map(), triggers = new Map() } = options
  const wanted = target === undefined ? stages.at(-1) : findTarget(dockerfile, target)
  if (wanted === undefined) throw new TypeError('a parsed Dockerfile has at least one stage')
  const resolved = new Map<number, ResolvedStage>()
  const waiting = [wanted.index]
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    if (resolved.has(index)) continue
    const stage = resolveStage({ dockerfile, contexts, triggers }, stages[index]!, globals)
    resolved.set(index, stage)
    waiting.push(...stage.needs)
  }
  const list = [...resolved.values()].toSorted((a, b) => a.stage.index - b.stage.index)
  return { target: resolved.get(wanted.index)!, stages: list }
}

function findTarget(dockerfile: Dockerfile, target: string): Stage {
  const { stages } = dockerfile
  const found = byName(stages, target, stages.length) ?? (/^\d+$/.test(target) ? stages[Number(target)] : undefined)
  if (found !== undefined) return found
  const names = stages.flatMap((stage) => stage.name ?? [])
  const near = suggest(target, names)
  const hint = near === undefined ? `stages: ${names.join(', ') || 'none has a name'}` : `did you mean ${near}?`
  return fail(dockerfile, 'STAGE_UNKNOWN', `there is no stage "${target}" to build`, stages.at(-1)!.from.keyword, hint)
}

/** Where names are looked up. */
interface Names {
  readonly dockerfile: Dockerfile
  readonly contexts: ReadonlyMap<string, NamedContext>
  readonly triggers: ReadonlyMap<number, readonly StageInstruction[]>
}

function resolveStage(names: Names, stage: Stage, globals: Variables): ResolvedStage {
  const { dockerfile } = names
  const { from } = stage
  const image = expandText(dockerfile, from.image, globals).value
  if (image === '') {
    fail(
      dockerfile,
      'ARGUMENTS_INVALID',
      `the image name "${from.image.text}" is empty after expansion`,
      from.image.range,
      'FROM sees only ARGs that stand before the first FROM; give them a default or --build-arg',
    )
  }
  const base = sourceOf(names, image, { written: from.image, at: stage.index, copy: false })
  const platform = from.platform && expandText(dockerfile, from.platform, globals).value
  if (platform === '') {
    fail(
      dockerfile,
      'FLAG_INVALID',
      `the platform "${from.platform!.text}" is empty after expansion`,
      from.platform!.range,
    )
  }
  const triggers =
    base.kind === 'stage' ? triggersOf(dockerfile.stages[base.index]!) : (names.triggers.get(stage.index) ?? [])
  const instructions = [...triggers, ...stage.instructions]
  const files = resolveFiles(names, instructions, stage.index)
  const sources = [base, ...files.values()]
  const needs = new Set(sources.flatMap((source) => (source.kind === 'stage' ? source.index : [])))
  return { stage, base, platform, instructions, files, needs: [...needs].toSorted((a, b) => a - b) }
}

/** What a stage put off for those that start from it. */
function triggersOf(stage: Stage): StageInstruction[] {
  return stage.instructions.flatMap((instruction) => (instruction.kind === 'onbuild' ? instruction.instruction : []))
}

/**
 * What `COPY --from` and `RUN --mount=from=` of instructions read that stand in, or are put into, the stage of that index.
 * @throws DockerfileError STAGE_UNKNOWN, STAGE_CYCLE
 */
function resolveFiles(
  names: Omit<Names, 'triggers'>,
  instructions: readonly StageInstruction[],
  at: number,
): ReadonlyMap<CopyInstruction | RunMount, StageSource> {
  const files = new Map<CopyInstruction | RunMount, StageSource>()
  for (const instruction of instructions) {
    if (instruction.kind === 'copy' && instruction.from !== undefined) {
      const { from } = instruction
      files.set(instruction, sourceOf(names, from.text, { written: from, at, copy: true }))
    }
    if (instruction.kind !== 'run') continue
    for (const mount of instruction.mounts) {
      const from = mount.fields.findLast(({ key }) => key === 'from')?.value
      if (from === undefined || from === '') continue
      const written = { text: from, range: mount.range }
      files.set(mount, sourceOf(names, from, { written, at, copy: true }))
    }
  }
  return files
}

function sourceOf(
  { dockerfile, contexts }: Omit<Names, 'triggers'>,
  name: string,
  { written, at, copy }: { readonly written: Text; readonly at: number; readonly copy: boolean },
): StageSource {
  const { stages } = dockerfile
  const given = contexts.get(name.toLowerCase())
  if (given?.kind === 'files') return { kind: 'context', name: name.toLowerCase(), range: written.range }
  if (given?.kind === 'image') return { kind: 'image', reference: given.reference, range: written.range }
  if (given?.kind === 'stage') {
    const others = new Map([...contexts].filter(([other]) => other !== name.toLowerCase()))
    return sourceOf({ dockerfile, contexts: others }, given.name, { written, at, copy })
  }
  if (!copy && name === 'scratch') return { kind: 'scratch' }
  const before = byName(stages, name, at)
  if (before !== undefined) return { kind: 'stage', index: before.index }
  if (!copy) return { kind: 'image', reference: name, range: written.range }
  const numeric = /^\d+$/.test(name)
  const later = numeric ? stages[Number(name)] : byName(stages, name, stages.length)
  if (later !== undefined && later.index < at) return { kind: 'stage', index: later.index }
  if (later?.index === at) fail(dockerfile, 'STAGE_CYCLE', 'a stage cannot copy from itself', written.range)
  if (later !== undefined) {
    const hint = 'a stage can copy only from stages above it: move that stage up'
    fail(dockerfile, 'STAGE_CYCLE', `cannot copy from the stage "${name}", which comes later`, written.range, hint)
  }
  if (numeric) {
    fail(dockerfile, 'STAGE_UNKNOWN', `there is no stage number ${name}: the file has ${stages.length}`, written.range)
  }
  return { kind: 'image', reference: name, range: written.range }
}

function byName(stages: readonly Stage[], name: string, before: number): Stage | undefined {
  const lower = name.toLowerCase()
  return stages.findLast((stage) => stage.index < before && stage.name === lower)
}

function fail(
  dockerfile: Dockerfile,
  code: 'STAGE_UNKNOWN' | 'STAGE_CYCLE' | 'ARGUMENTS_INVALID' | 'FLAG_INVALID',
  message: string,
  range: Range,
  hint?: string,
): never {
  throw new DockerfileError(code, message, { file: dockerfile.file, range, hint })
}
