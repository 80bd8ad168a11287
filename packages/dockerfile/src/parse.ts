import { parsers } from './instructions/table.ts'
import type { InstructionRequest } from './instructions/request.ts'
import { scan, type ScannedInstruction } from './scan.ts'
import { Source } from './source.ts'
import { suggest } from './suggest.ts'
import type {
  ArgInstruction,
  Dockerfile,
  FromInstruction,
  Instruction,
  Stage,
  StageInstruction,
  Warning,
} from './syntax.ts'
import { readFlags } from './flags.ts'
import { isBlank } from './words.ts'

/** Largest Dockerfile that is read, in UTF-16 code units. */
export const largestDockerfile: number = 4 << 20

/** Instructions of the language that this version refuses. */
const unsupported = new Set(['ADD', 'ONBUILD'])

/**
 * Parses a Dockerfile into a tree in which everything has its place in the source. Nothing is ignored: what the
 * language has and this version does not do yet is refused with NOT_SUPPORTED. Variables are not expanded.
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

function parseInstruction(
  scanned: ScannedInstruction,
  source: Source,
  escape: '\\' | '`',
  warnings: Warning[],
): Instruction {
  const { line } = scanned
  const { text } = line
  let start = 0
  while (isBlank(text[start])) start++
  let end = start
  while (end < text.length && !isBlank(text[end])) end++
  const keyword = line.slice(start, end)
  const name = keyword.text.toUpperCase()
  const range = { start: keyword.range.start, end: scanned.end }
  if (scanned.emptyContinuation) {
    warnings.push({ rule: 'NoEmptyContinuation', message: 'an empty line inside a continued instruction', range })
  }
  if (unsupported.has(name)) {
    const hint = name === 'ADD' ? 'COPY does the same for local files' : undefined
    source.fail('NOT_SUPPORTED', `${name} is not supported yet`, keyword.range, hint)
  }
  const parser = parsers.get(name)
  if (parser === undefined) {
    const near = suggest(keyword.text, [...parsers.keys(), ...unsupported])
    const hint = near === undefined ? undefined : `did you mean ${near}?`
    source.fail('INSTRUCTION_UNKNOWN', `there is no instruction "${keyword.text.slice(0, 64)}"`, keyword.range, hint)
  }
  let tail = text.length
  while (tail > end && /\s/.test(text[tail - 1]!)) tail--
  const { flags, rest } = readFlags({ line, start: end, end: tail })
  const request: InstructionRequest = {
    name,
    flags,
    rest,
    source,
    escape,
    heredocs: scanned.heredocs,
    base: { range, keyword: keyword.range, written: text.trim(), comments: scanned.comments },
    warn: (rule, message) => warnings.push({ rule, message, range }),
  }
  return parser(request)
}
