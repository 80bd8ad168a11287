import type { ListInstruction, TextInstruction } from '../syntax.ts'
import { restText, splitBlanks } from '../words.ts'
import { flagsOf, type InstructionRequest, listOf, refuse } from './request.ts'

/** Reads an instruction whose one argument is the rest of the line. */
export function parseText(request: InstructionRequest, kind: TextInstruction['kind']): TextInstruction {
  flagsOf(request)
  const argument = restText(request.rest)
  if (argument.text === '') refuse(request, 'needs an argument')
  if (kind === 'maintainer') {
    request.warn('MaintainerDeprecated', 'write LABEL org.opencontainers.image.authors=NAME instead of MAINTAINER')
  }
  return { kind, ...request.base, argument }
}

/** Reads EXPOSE: words, which are ports after expansion. */
export function parseExpose(request: InstructionRequest): ListInstruction {
  flagsOf(request)
  const ports = splitBlanks(request.rest)
  if (ports.length === 0) refuse(request, 'needs at least one port')
  return { kind: 'expose', ...request.base, arguments: ports }
}

/** Reads VOLUME: a JSON array or words. */
export function parseVolume(request: InstructionRequest): ListInstruction {
  flagsOf(request)
  const paths = listOf(request, splitBlanks).map((path) => ({ ...path, text: path.text.trim() }))
  if (paths.length === 0) refuse(request, 'needs at least one path')
  for (const path of paths) {
    if (path.text === '') refuse(request, 'has an empty path', path.range)
  }
  return { kind: 'volume', ...request.base, arguments: paths }
}
