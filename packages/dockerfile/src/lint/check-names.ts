import type { FromInstruction, Instruction } from '../syntax.ts'
import type { LintFile } from './lint-file.ts'

/** Looks at how keywords and names are written. */
export function checkNames(file: LintFile): void {
  checkKeywords(file)
  const seen = new Set<string>()
  for (const { from } of file.dockerfile.stages) {
    checkStageName(file, from, seen)
    checkDescription(file, from, from.name?.text)
  }
  const { globals, stages } = file.dockerfile
  for (const instruction of [...globals, ...stages.flatMap(({ instructions }) => instructions)]) {
    if (instruction.kind === 'arg') checkDescription(file, instruction, instruction.args[0]?.name.text)
  }
}

function checkKeywords({ dockerfile, report }: LintFile): void {
  const { globals, stages } = dockerfile
  const all = [...globals, ...stages.flatMap(({ from, instructions }) => [from, ...instructions])]
  const keywords = all.map((at) => ({ at, text: keywordOf(at) }))
  const lower = keywords.filter(({ text }) => text === text.toLowerCase()).length
  const upper = keywords.filter(({ text }) => text === text.toUpperCase()).length
  const [name, wanted] =
    lower > upper
      ? ['lower', (text: string): string => text.toLowerCase()]
      : ['upper', (text: string): string => text.toUpperCase()]
  for (const { at, text } of keywords) {
    if (text === wanted(text)) continue
    report('ConsistentInstructionCasing', `${text} is not in ${name} case, as most of the file is`, at.keyword, at)
  }
}

function keywordOf({ written }: Instruction): string {
  return /^\S*/.exec(written)?.[0] ?? ''
}

function checkStageName({ report }: LintFile, from: FromInstruction, seen: Set<string>): void {
  const { name } = from
  if (name === undefined) return
  const [, as = '', written = ''] = /\s(as)\s+(\S+)\s*$/i.exec(from.written) ?? []
  const keyword = keywordOf(from)
  const isUpper = keyword === keyword.toUpperCase()
  if (as !== (isUpper ? 'AS' : 'as')) {
    report('FromAsCasing', `${keyword} and ${as} are not in the same case`, from.range, from)
  }
  if (written !== written.toLowerCase()) {
    report('StageNameCasing', `the name of the stage "${written}" is not in lower case`, name.range, from)
  }
  if (name.text === 'scratch' || name.text === 'context') {
    report('ReservedStageName', `"${name.text}" has a meaning of its own and should not name a stage`, name.range, from)
  }
  if (seen.has(name.text)) {
    report('DuplicateStageName', `there is a stage "${name.text}" above already`, name.range, from)
  }
  seen.add(name.text)
}

/** Tools show the comment above as the description, when it begins with the name. */
function checkDescription({ report }: LintFile, at: Instruction, name: string | undefined): void {
  const comment = at.comments.at(-1)
  if (comment === undefined || name === undefined || comment.startsWith('check=')) return
  if (comment.toLowerCase().startsWith(`${name.toLowerCase()} `)) return
  const message = `the comment above should be "# ${name} DESCRIPTION", or stand apart from it`
  report('InvalidDefinitionDescription', message, at.range, at)
}
