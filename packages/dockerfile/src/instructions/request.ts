import { type Flag, type Flags, type FlagTable, takeFlags } from '../flags.ts'
import type { Heredoc } from '../heredoc.ts'
import type { Range, Text } from '../range.ts'
import type { Source } from '../source.ts'
import type { CommandLine, Instruction, Warning } from '../syntax.ts'
import { readJsonForm, type Rest, restText } from '../words.ts'

/** One instruction on its way from text to meaning. */
export interface InstructionRequest {
  /** The keyword in upper case. */
  readonly name: string
  readonly flags: readonly Flag[]
  /** The arguments after the flags, without blanks around them. */
  readonly rest: Rest
  readonly source: Source
  readonly escape: '\\' | '`'
  readonly heredocs: readonly Heredoc[]
  readonly base: Pick<Instruction, 'range' | 'keyword' | 'written' | 'comments'>
  readonly warn: (rule: Warning['rule'], message: string) => void
}

/** Reads one kind of instruction. @throws DockerfileError */
export type InstructionParser = (request: InstructionRequest) => Instruction

/** The flags an instruction was given, checked. */
export function flagsOf(request: InstructionRequest, table: FlagTable = {}): Flags {
  return takeFlags(request.flags, request.name, table, request.source)
}

/** Refuses the arguments of an instruction. */
export function refuse(request: InstructionRequest, message: string, range?: Range, hint?: string): never {
  const { rest, base } = request
  const whole = rest.end > rest.start ? restText(rest).range : base.keyword
  request.source.fail('ARGUMENTS_INVALID', `${request.name} ${message}`, range ?? whole, hint)
}

/** The exec form where the arguments are a JSON array of strings, else the shell form. */
export function commandOf(request: InstructionRequest, rest: Rest = request.rest): CommandLine {
  const text = restText(rest)
  if (text.text === '') refuse(request, 'needs a command')
  const json = readJsonForm(rest)
  if (json === undefined) return { form: 'shell', text: text.text, range: text.range }
  if (json.kind === 'not-strings') refuse(request, 'takes a JSON array of strings only', text.range)
  return { form: 'exec', words: json.words.map((word) => word.text), range: text.range }
}

/** The words of an instruction that takes a JSON array or words between blanks. */
export function listOf(request: InstructionRequest, split: (rest: Rest) => Text[]): readonly Text[] {
  const json = readJsonForm(request.rest)
  if (json === undefined) return split(request.rest)
  if (json.kind === 'not-strings') refuse(request, 'takes a JSON array of strings only')
  return json.words
}
