import { parseHeredocWord } from '../heredoc.ts'
import type { Text } from '../range.ts'
import type { AddInstruction, CopyInstruction, CopySource } from '../syntax.ts'
import { splitBlanks } from '../words.ts'
import { flagsOf, type InstructionRequest, listOf, refuse } from './request.ts'

/** Reads COPY: sources (paths, or heredocs that become files) and a destination. */
export function parseCopy(request: InstructionRequest): CopyInstruction {
  const flags = flagsOf(request, {
    values: ['from', 'chown', 'chmod'],
    switches: ['link', 'parents'],
    lists: ['exclude'],
  })
  const from = flags.value('from')
  if (from?.text.includes('$') === true) {
    request.source.fail(
      'FLAG_INVALID',
      'COPY --from does not expand variables',
      from.range,
      'give the image a stage of its own: FROM $IMAGE AS name, with a global ARG',
    )
  }
  const { sources, destination, heredoc } = parsePaths(request)
  if (from !== undefined && heredoc !== undefined) {
    request.source.fail('HEREDOC_INVALID', 'COPY --from cannot take a heredoc as source', heredoc.range)
  }
  return {
    kind: 'copy',
    ...request.base,
    sources,
    destination,
    from,
    chown: flags.value('chown'),
    chmod: flags.value('chmod'),
    link: flags.isOn('link') ?? false,
    parents: flags.isOn('parents') ?? false,
    excludes: flags.list('exclude'),
  }
}

/** Reads ADD: sources (paths, addresses or heredocs) and a destination. */
export function parseAdd(request: InstructionRequest): AddInstruction {
  const flags = flagsOf(request, {
    values: ['chown', 'chmod', 'checksum'],
    switches: ['link', 'keep-git-dir', 'unpack'],
    lists: ['exclude'],
  })
  const { sources, destination } = parsePaths(request)
  return {
    kind: 'add',
    ...request.base,
    sources,
    destination,
    chown: flags.value('chown'),
    chmod: flags.value('chmod'),
    link: flags.isOn('link') ?? false,
    excludes: flags.list('exclude'),
    checksum: flags.value('checksum'),
    keepGitDir: flags.isOn('keep-git-dir'),
    unpack: flags.isOn('unpack'),
  }
}

interface Paths {
  readonly sources: readonly CopySource[]
  readonly destination: Text
  /** The word that introduces the first heredoc. */
  readonly heredoc: Text | undefined
}

function parsePaths(request: InstructionRequest): Paths {
  const { name } = request
  const words = listOf(request, splitBlanks)
  const destination = words.at(-1)
  if (destination === undefined || words.length < 2) refuse(request, 'needs at least one source and a destination')
  if (parseHeredocWord(destination.text) !== undefined) {
    request.source.fail('HEREDOC_INVALID', `${name} cannot write to a heredoc`, destination.range)
  }
  let first: Text | undefined
  const sources = words.slice(0, -1).map((word): CopySource => {
    const introduced = parseHeredocWord(word.text)
    const heredoc = introduced && request.heredocs.findLast((candidate) => candidate.name === introduced.name)
    if (heredoc === undefined) return { kind: 'path', path: word }
    first ??= word
    return { kind: 'heredoc', heredoc }
  })
  return { sources, destination, heredoc: first }
}
