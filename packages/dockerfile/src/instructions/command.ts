import type { CommandInstruction, ShellInstruction } from '../syntax.ts'
import { readJsonForm } from '../words.ts'
import { commandOf, flagsOf, type InstructionRequest, refuse } from './request.ts'

/** Reads CMD or ENTRYPOINT; an empty JSON array takes the inherited one away. */
export function parseCommand(request: InstructionRequest, kind: CommandInstruction['kind']): CommandInstruction {
  flagsOf(request)
  return { kind, ...request.base, command: commandOf(request) }
}

/** Reads SHELL, which has the JSON form only. */
export function parseShell(request: InstructionRequest): ShellInstruction {
  flagsOf(request)
  const json = readJsonForm(request.rest)
  if (json?.kind !== 'words') refuse(request, 'needs a JSON array', undefined, 'for example: SHELL ["/bin/bash", "-c"]')
  if (json.words.length === 0) refuse(request, 'needs at least one word')
  return { kind: 'shell', ...request.base, words: json.words.map((word) => word.text) }
}
