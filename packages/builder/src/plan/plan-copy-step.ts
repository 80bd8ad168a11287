import {
  type AddInstruction,
  classifySource,
  type CopyInstruction,
  type CopySource,
  expandBody,
  heredocBody,
  joinPath,
  type ModeChange,
  parseMode,
  type Text,
} from '@gantry/dockerfile'
import { addHistory } from './history.ts'
import type { Evaluation } from './plan-stage.ts'
import type { AddOptions, CopyStep, PlannedSource } from './planned-step.ts'

/** Evaluates COPY or ADD: its words are expanded, its destination is made absolute. */
export function planCopyStep(evaluation: Evaluation, instruction: CopyInstruction | AddInstruction): CopyStep {
  const { state, stage, created } = evaluation
  const isAdd = instruction.kind === 'add'
  const sources = instruction.sources.map((source) => planSource(evaluation, instruction, source))
  const written = evaluation.expand(instruction.destination)
  const chown = expandFlag(evaluation, instruction.chown)
  const chmod = expandFlag(evaluation, instruction.chmod)
  const flags = `${chown === undefined ? '' : ` --chown=${chown}`}${chmod === undefined ? '' : ` --chmod=${chmod}`}`
  const keyword = isAdd ? 'ADD' : 'COPY'
  const text = `${keyword}${flags}${instruction.link ? ' --link' : ''} ${sources.map(nameOf).join(' ')} ${written}`
  addHistory(state, text.replace(' --link', ''), { layer: true, created, mark: true })
  const from = instruction.kind === 'copy' ? instruction.from : undefined
  return {
    kind: 'copy',
    instruction,
    text: from === undefined ? text : text.replace('COPY', `COPY --from=${from.text}`),
    sources,
    destination: destinationOf(evaluation, written, instruction.kind === 'copy' && instruction.parents),
    from: instruction.kind === 'copy' ? stage.files.get(instruction) : undefined,
    chown: chown === '' ? undefined : chown,
    chmod: modeOf(evaluation, instruction, chmod),
    chmodText: chmod,
    link: instruction.link,
    parents: instruction.kind === 'copy' && instruction.parents,
    excludes: instruction.excludes.map((pattern) => evaluation.expand(pattern)),
    add: isAdd ? planAdd(evaluation, instruction, sources) : undefined,
  }
}

function expandFlag(evaluation: Evaluation, flag: Text | undefined): string | undefined {
  return flag === undefined ? undefined : evaluation.expand(flag)
}

function planSource(
  evaluation: Evaluation,
  instruction: CopyInstruction | AddInstruction,
  source: CopySource,
): PlannedSource {
  const { state, dockerfile } = evaluation
  if (source.kind === 'path') {
    const path = evaluation.expand(source.path)
    if (instruction.kind === 'copy') return { kind: 'path', path }
    const what = classifySource(path)
    if (what.kind === 'mistake') return evaluation.refuse(`ADD cannot take this: ${what.message}`, source.path.range)
    return what.kind === 'local' ? { kind: 'path', path } : what
  }
  const { heredoc } = source
  const body = heredocBody(heredoc)
  if (heredoc.name.includes('/')) {
    const message = `${instruction.kind.toUpperCase()} cannot make a file named "${heredoc.name}"`
    evaluation.refuse(message, instruction.range, 'give the path as the destination')
  }
  const content = heredoc.expand ? expandBody(dockerfile, body, heredoc.range, state.scope) : body
  return { kind: 'inline', name: heredoc.name, content }
}

function nameOf(source: PlannedSource): string {
  switch (source.kind) {
    case 'path':
      return source.path
    case 'inline':
      return `<<${source.name}`
    case 'http':
      return source.url
    case 'git':
      return source.git.remote
  }
}

function planAdd(evaluation: Evaluation, instruction: AddInstruction, sources: readonly PlannedSource[]): AddOptions {
  const { unpack, keepGitDir } = instruction
  const checksum = expandFlag(evaluation, instruction.checksum)
  const [only, second] = sources
  if (checksum !== undefined) {
    const place = instruction.checksum!.range
    if (second !== undefined || (only?.kind !== 'http' && only?.kind !== 'git')) {
      evaluation.refuse('ADD --checksum is about one download', place, 'give each download an ADD of its own')
    }
    const isDigest = /^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/.test(checksum)
    if (only.kind === 'http' && !isDigest) {
      evaluation.refuse(`ADD --checksum cannot be "${checksum}"`, place, 'for example sha256:24454f830cdb…')
    }
    if (only.kind === 'git' && !/^[0-9a-f]{7,64}$/.test(checksum)) {
      evaluation.refuse(`ADD --checksum of git is the beginning of a commit, not "${checksum}"`, place)
    }
  }
  return {
    unpack: unpack === undefined ? 'local' : unpack ? 'all' : 'none',
    checksum,
    keepGitDir: keepGitDir ?? false,
  }
}

/** Absolute, with a slash at the end when it was written with one or stands for the working directory. */
function destinationOf(evaluation: Evaluation, written: string, isDirectory: boolean): string {
  const absolute = joinPath(evaluation.state.config.WorkingDir || '/', written)
  const directory = isDirectory || written === '' || written.endsWith('/') || /(?:^|\/)\.{1,2}$/.test(written)
  return directory && absolute !== '/' ? `${absolute}/` : absolute
}

function modeOf(
  evaluation: Evaluation,
  instruction: CopyInstruction | AddInstruction,
  text: string | undefined,
): ModeChange | undefined {
  if (text === undefined || text === '') return undefined
  return (
    parseMode(text) ??
    evaluation.refuse(
      `${instruction.kind.toUpperCase()} --chmod does not know the mode "${text}"`,
      instruction.chmod!.range,
      'for example --chmod=755 or --chmod=u=rwX,go=rX',
    )
  )
}
