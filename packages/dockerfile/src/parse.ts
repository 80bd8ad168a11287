import { parsers } from './instructions/table.ts'
import type { Text } from './range.ts'
import { scan, type ScannedInstruction } from './scan.ts'
import { Source } from './source.ts'
import { suggest } from './suggest.ts'
import type {
  ArgInstruction,
  Dockerfile,
  FromInstruction,
  Instruction,
  OnbuildInstruction,
  Stage,
  StageInstruction,
  Warning,
} from './syntax.ts'
import { readFlags } from './flags.ts'
import { isBlank } from './words.ts'

/** Largest Dockerfile that is read, in UTF-16 code units. */
export const largestDockerfile: number = 4 << 20

/** What ONBUILD cannot put off. */
const notDeferred = new Set(['ONBUILD', 'FROM', 'MAINTAINER'])

/**
 * Parses a Dockerfile into a tree in which everything has its place in the source. Nothing is ignored. Variables are not expanded.
 * Follows the Dockerfile frontend 1.26 (https://docs.docker.com/reference/dockerfile/).
 * @throws DockerfileError with the position of the mistake
 */
export function parseDockerfile(text: string, options?: { readonly file?: string }): Dockerfile {
  const file = options?.file ?? 'Dockerfile'
  if (text.length > largestDockerfile) {
    const start = { line: 1, column: 1, offset: 0 }
    new Source(file, '').fail(
      'TOO_LARGE',
      `the file has ${text.length} characters; at most ${largestDockerfile} are allowed`,
      { start, end: start },
    )
  }
  const source = new Source(file, text)
  const { directives, instructions } = scan(source)
  const warnings: Warning[] = []
  const globals: ArgInstruction[] = []
  const stages: { from: FromInstruction; instructions: StageInstruction[] }[] = []
  for (const scanned of instructions) {
    const instruction = parseInstruction(scanned, source, directives.escape, warnings)
    const stage = stages.at(-1)
    if (instruction.kind === 'from') stages.push({ from: instruction, instructions: [] })
    else if (stage !== undefined) stage.instructions.push(instruction)
    else if (instruction.kind === 'arg') globals.push(instruction)
    else {
      source.fail(
        'INSTRUCTION_MISPLACED',
        `${instruction.kind.toUpperCase()} stands before the first FROM; only ARG may`,
        instruction.keyword,
        'start the stage with "FROM image" above this line',
      )
    }
  }
  if (stages.length === 0) {
    const last = instructions.at(-1)
    const range = last === undefined ? source.range(0, 0) : { start: last.start, end: last.end }
    source.fail('EMPTY', 'the file has no FROM, so there is nothing to build', range)
  }
  return {
    file,
    source: text,
    directives,
    globals,
    stages: stages.map(({ from, instructions: list }, index): Stage => ({
      index,
      name: from.name?.text,
      from,
      instructions: list,
    })),
    warnings,
  }
}

/**
 * Parses an instruction that an image carries for builds which start from it (ONBUILD), with its heredocs. Its places are those in
 * the text.
 * @throws DockerfileError
 */
export function parseTrigger(text: string, options: { readonly image: string }): StageInstruction {
  const source: Source = new Source(`ONBUILD of ${options.image}`, text)
  const { directives, instructions } = scan(source)
  const [scanned, second] = instructions
  const whole = source.range(0, text.length)
  if (scanned === undefined || second !== undefined) {
    source.fail('ARGUMENTS_INVALID', 'an ONBUILD trigger is one instruction', whole)
  }
  const instruction = parseInstruction(scanned, source, directives.escape, [])
  if (notDeferred.has(instruction.kind.toUpperCase())) {
    source.fail('INSTRUCTION_MISPLACED', `${instruction.kind.toUpperCase()} cannot be an ONBUILD trigger`, whole)
  }
  return instruction as StageInstruction
}

function parseInstruction(
  scanned: ScannedInstruction,
  source: Source,
  escape: '\\' | '`',
  warnings: Warning[],
): Instruction {
  const { text } = scanned.line
  let start = 0
  while (isBlank(text[start])) start++
  const begin = scanned.line.range(start, start + 1).start
  if (scanned.emptyContinuation) {
    const range = { start: begin, end: scanned.end }
    warnings.push({ rule: 'NoEmptyContinuation', message: 'an empty line inside a continued instruction', range })
  }
  const keyword = keywordAt(scanned, start)
  if (keyword.text.toUpperCase() !== 'ONBUILD') return parseAt(scanned, start, { source, escape, warnings })
  let inner = start + keyword.text.length
  while (isBlank(text[inner])) inner++
  const range = { start: begin, end: scanned.end }
  if (inner >= text.length) source.fail('ARGUMENTS_INVALID', 'ONBUILD needs an instruction', keyword.range)
  const deferred = keywordAt(scanned, inner)
  if (notDeferred.has(deferred.text.toUpperCase())) {
    source.fail('INSTRUCTION_MISPLACED', `ONBUILD cannot put off ${deferred.text.toUpperCase()}`, deferred.range)
  }
  const bodies = scanned.heredocs.map(({ content, name }) => `\n${content}${name}`)
  return {
    kind: 'onbuild',
    range,
    keyword: keyword.range,
    written: text.trim(),
    comments: scanned.comments,
    trigger: text.slice(inner).trim() + bodies.join(''),
    instruction: parseAt(scanned, inner, { source, escape, warnings }) as OnbuildInstruction['instruction'],
  }
}

function keywordAt({ line }: ScannedInstruction, start: number): Text {
  let end = start
  while (end < line.text.length && !isBlank(line.text[end])) end++
  return line.slice(start, end)
}

/** Parses the instruction whose keyword is at `start`. */
function parseAt(
  scanned: ScannedInstruction,
  start: number,
  context: { source: Source; escape: '\\' | '`'; warnings: Warning[] },
): Instruction {
  const { escape, warnings } = context
  const source: Source = context.source
  const { line } = scanned
  const { text } = line
  const keyword = keywordAt(scanned, start)
  const end = start + keyword.text.length
  const name = keyword.text.toUpperCase()
  const range = { start: keyword.range.start, end: scanned.end }
  const parser = parsers.get(name)
  if (parser === undefined) {
    const near = suggest(keyword.text, [...parsers.keys(), 'ONBUILD'])
    const hint = near === undefined ? undefined : `did you mean ${near}?`
    source.fail('INSTRUCTION_UNKNOWN', `there is no instruction "${keyword.text.slice(0, 64)}"`, keyword.range, hint)
  }
  let tail = text.length
  while (tail > end && /\s/.test(text[tail - 1]!)) tail--
  const { flags, rest } = readFlags({ line, start: end, end: tail })
  return parser({
    name,
    flags,
    rest,
    source,
    escape,
    heredocs: scanned.heredocs,
    base: { range, keyword: keyword.range, written: text.slice(start).trim(), comments: scanned.comments },
    warn: (rule, message) => warnings.push({ rule, message, range }),
  })
}
