import { resolveMount } from './mount.ts'
import type { Range } from './range.ts'
import { expandText, type Variables } from './scope.ts'
import type { StageGraph } from './stages.ts'
import type { ArgInstruction, Dockerfile, Instruction } from './syntax.ts'

/** An ARG that a target takes. */
export interface OutlineArg {
  readonly name: string
  /** Its default, expanded where it can be. */
  readonly value: string | undefined
  readonly description: string
  readonly range: Range
}

/** Something that a target asks the caller for by name: a secret, an agent, a cache. */
export interface OutlineNeed {
  readonly kind: 'secret' | 'ssh' | 'cache'
  readonly id: string
  readonly required: boolean
  readonly range: Range
}

/** What can be given to a build of one target. */
export interface Outline {
  readonly name: string | undefined
  readonly description: string
  readonly args: readonly OutlineArg[]
  readonly needs: readonly OutlineNeed[]
}

/** A stage as something to build. */
export interface TargetInfo {
  readonly index: number
  readonly name: string | undefined
  readonly description: string
  /** The image or stage that it starts from, as written. */
  readonly base: string
  readonly platform: string | undefined
  /** It is what is built when no target is named. */
  readonly isDefault: boolean
  readonly range: Range
}

/** The comment directly above an instruction, where it begins with the name that it describes. */
function describe({ comments }: Instruction, name: string | undefined): string {
  const comment = comments.at(-1)
  if (comment === undefined || name === undefined) return ''
  return comment.toLowerCase().startsWith(`${name.toLowerCase()} `) ? comment.slice(name.length + 1).trim() : ''
}

/** The stages of a file, in its order. */
export function listTargets({ stages }: Dockerfile): readonly TargetInfo[] {
  return stages.map(({ index, name, from }) => ({
    index,
    name,
    description: describe(from, name),
    base: from.image.text,
    platform: from.platform?.text,
    isDefault: index === stages.length - 1,
    range: from.range,
  }))
}

/** What a target and the stages that it needs can be given. Names count once; where a name is declared twice, the first with a default. */
export function outlineOf(dockerfile: Dockerfile, graph: StageGraph, globals: Variables): Outline {
  const args = new Map<string, OutlineArg>()
  const needs = new Map<string, OutlineNeed>()
  const take = (instruction: ArgInstruction, scope: Map<string, string>): void => {
    for (const { name, value } of instruction.args) {
      const expanded = value === undefined ? globals.get(name.text) : expandText(dockerfile, value, scope).value
      if (expanded !== undefined) scope.set(name.text, expanded)
      const known = args.get(name.text)
      if (known?.value !== undefined) continue
      const description = describe(instruction, name.text) || (known?.description ?? '')
      args.set(name.text, { name: name.text, value: expanded, description, range: name.range })
    }
  }
  const outer = new Map(globals)
  for (const instruction of dockerfile.globals) take(instruction, outer)
  for (const { instructions } of graph.stages) {
    const scope = new Map<string, string>()
    for (const instruction of instructions) {
      if (instruction.kind === 'arg') take(instruction, scope)
      if (instruction.kind !== 'run') continue
      for (const written of instruction.mounts) {
        const expand = (text: string): string => expandText(dockerfile, { text, range: written.range }, scope).value
        const mount = resolveMount(written, { expand, directory: '/' })
        if ('message' in mount || (mount.type !== 'secret' && mount.type !== 'ssh' && mount.type !== 'cache')) continue
        const required = mount.type !== 'cache' && mount.required
        const key = `${mount.type} ${mount.id}`
        const known = needs.get(key)
        const { range } = written
        needs.set(key, { kind: mount.type, id: mount.id, required: required || (known?.required ?? false), range })
      }
    }
  }
  const { name, from } = graph.target.stage
  return { name, description: describe(from, name), args: [...args.values()], needs: [...needs.values()] }
}
