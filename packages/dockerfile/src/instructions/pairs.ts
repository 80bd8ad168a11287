import type { ArgInstruction, PairsInstruction } from '../syntax.ts'
import { isBlank, splitPair, splitQuoted } from '../words.ts'
import { flagsOf, type InstructionRequest, refuse } from './request.ts'

/** Reads ENV or LABEL, in the form with `=` or the old one. */
export function parsePairs(request: InstructionRequest, kind: PairsInstruction['kind']): PairsInstruction {
  flagsOf(request)
  const { rest, escape } = request
  const words = splitQuoted(rest, escape)
  const first = words[0]
  if (first === undefined) refuse(request, 'needs at least one NAME=VALUE')
  if (!first.text.includes('=')) return { kind, ...request.base, pairs: [legacyPair(request)] }
  const pairs = words.map((word) => {
    const { name, value } = splitPair(word, rest.line)
    if (value === undefined)
      refuse(request, `has "${word.text}" without a "="`, word.range, 'every argument must be NAME=VALUE')
    if (name.text === '') refuse(request, 'has a "=" without a name before it', word.range)
    return { name, value }
  })
  return { kind, ...request.base, pairs }
}

/** `ENV NAME the rest of the line`: one pair. */
function legacyPair(request: InstructionRequest): PairsInstruction['pairs'][number] {
  const { rest } = request
  const { line } = rest
  let at = rest.start
  while (at < rest.end && !isBlank(line.text[at])) at++
  const name = line.slice(rest.start, at)
  while (at < rest.end && isBlank(line.text[at])) at++
  if (at >= rest.end) refuse(request, `has a name without a value: ${request.name} NAME=VALUE`)
  request.warn(
    'LegacyKeyValueFormat',
    `write ${request.name} ${name.text}=VALUE instead of a blank between name and value`,
  )
  return { name, value: line.slice(at, rest.end) }
}

/** Reads ARG: names, each perhaps with a default. */
export function parseArg(request: InstructionRequest): ArgInstruction {
  flagsOf(request)
  const words = splitQuoted(request.rest, request.escape)
  if (words.length === 0) refuse(request, 'needs at least one name')
  const args = words.map((word) => {
    const { name, value } = splitPair(word, request.rest.line)
    if (name.text === '') refuse(request, 'has a "=" without a name before it', word.range)
    return { name, value }
  })
  return { kind: 'arg', ...request.base, args }
}
