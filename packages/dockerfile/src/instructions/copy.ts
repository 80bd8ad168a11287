import { parseHeredocWord } from '../heredoc.ts'
import type { CopyInstruction, CopySource } from '../syntax.ts'
import { splitBlanks } from '../words.ts'
import { flagsOf, type InstructionRequest, listOf, refuse } from './request.ts'

/** Reads COPY: sources (paths, or heredocs that become files) and a destination. */
export function parseCopy(request: InstructionRequest): CopyInstruction {
  const flags = flagsOf(request, {
    values: ['from', 'chown', 'chmod'],
    unsupported: ['link', 'parents', 'exclude'],
  })
  const words = listOf(request, splitBlanks)
  const destination = words.at(-1)
  if (destination === undefined || words.length < 2) refuse(request, 'needs at least one source and a destination')
  if (parseHeredocWord(destination.text) !== undefined) {
    request.source.fail('HEREDOC_INVALID', 'COPY cannot write to a heredoc', destination.range)
  }
  const from = flags.get('from')
  if (from?.text.includes('$') === true) {
    request.source.fail(
      'FLAG_INVALID',
      'COPY --from does not expand variables',
      from.range,
      'give the image a stage of its own: FROM $IMAGE AS name, with a global ARG',
    )
  }
  const sources = words.slice(0, -1).map((word): CopySource => {
    const introduced = parseHeredocWord(word.text)
    const heredoc = introduced && request.heredocs.findLast((candidate) => candidate.name === introduced.name)
    if (heredoc === undefined) return { kind: 'path', path: word }
    if (from !== undefined)
      request.source.fail('HEREDOC_INVALID', 'COPY --from cannot take a heredoc as source', word.range)
    return { kind: 'heredoc', heredoc }
  })
  return {
    kind: 'copy',
    ...request.base,
    sources,
    destination,
    from,
    chown: flags.get('chown'),
    chmod: flags.get('chmod'),
  }
}
