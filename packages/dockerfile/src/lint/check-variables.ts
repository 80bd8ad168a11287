import { DockerfileError } from '../error.ts'
import type { Text } from '../range.ts'
import { expandText } from '../scope.ts'
import { suggest } from '../suggest.ts'
import type { Stage, StageInstruction } from '../syntax.ts'
import type { LintFile } from './lint-file.ts'

/** Looks for variables that are used where nothing has set them. */
export function checkVariables(file: LintFile): void {
  const { dockerfile, options } = file
  const left = new Map<string, ReadonlySet<string>>()
  for (const stage of dockerfile.stages) {
    const below = left.get(stage.from.image.text.toLowerCase())
    const image = options.environments?.get(stage.index) ?? []
    const known = new Set(['PATH', ...image, ...(below ?? [])])
    for (const instruction of stage.instructions) checkInstruction(file, instruction, known)
    if (stage.name !== undefined) left.set(stage.name, known)
  }
}

function checkInstruction(
  { dockerfile, report }: LintFile,
  at: Stage['instructions'][number],
  known: Set<string>,
): void {
  const scope = new Map([...known].map((name): [string, string] => [name, 'x']))
  const told = new Set<string>()
  for (const text of expandedTexts(at)) {
    for (const name of unsetIn(dockerfile, text, scope)) {
      if (told.has(name)) continue
      told.add(name)
      const near = suggest(name, known)
      const advice = near === undefined ? '' : ` (did you mean $${near}?)`
      report('UndefinedVar', `nothing sets $${name} here${advice}`, text.range, at)
    }
    // ARG sees the names on its left; ENV does not.
    if (at.kind === 'arg') for (const { name } of at.args) scope.set(name.text, 'x')
  }
  if (at.kind === 'arg') for (const { name } of at.args) known.add(name.text)
  if (at.kind === 'env') for (const { name } of at.pairs) known.add(name.text)
}

function unsetIn(
  dockerfile: LintFile['dockerfile'],
  text: Text,
  scope: ReadonlyMap<string, string>,
): readonly string[] {
  try {
    return [...expandText(dockerfile, text, scope).unset].filter((name) => /^\w+$/.test(name) && !/^\d/.test(name))
  } catch (error) {
    // What cannot be expanded is the build's to refuse.
    if (error instanceof DockerfileError) return []
    throw error
  }
}

/** The texts of an instruction in which variables are expanded. */
function expandedTexts(at: StageInstruction): readonly Text[] {
  switch (at.kind) {
    case 'copy':
    case 'add':
      return [
        ...at.sources.flatMap((source) => (source.kind === 'path' ? source.path : [])),
        at.destination,
        ...at.excludes,
        ...[at.chown, at.chmod, at.kind === 'add' ? at.checksum : undefined].flatMap((text) => text ?? []),
      ]
    case 'arg':
      return at.args.flatMap(({ name, value }) => (value === undefined ? [name] : [name, value]))
    case 'env':
    case 'label':
      return at.pairs.flatMap(({ name, value }) => [name, value])
    case 'workdir':
    case 'user':
    case 'stopsignal':
      return [at.argument]
    case 'expose':
    case 'volume':
      return at.arguments
    case 'run':
      return at.mounts.flatMap(({ fields, range }) =>
        fields.flatMap(({ value }) => (value === undefined ? [] : { text: value, range })),
      )
    default:
      return []
  }
}
