import { type CopyInstruction, expandBody, heredocBody, joinPath } from '@gantry/dockerfile'
import { addHistory } from './history.ts'
import type { Evaluation } from './plan-stage.ts'
import type { CopyStep } from './planned-step.ts'

/** Evaluates COPY: its words are expanded, its destination is made absolute. */
export function planCopyStep(evaluation: Evaluation, instruction: CopyInstruction): CopyStep {
  const { state, dockerfile, stage, created } = evaluation
  const sources: string[] = []
  const inline: CopyStep['inline'][number][] = []
  for (const source of instruction.sources) {
    if (source.kind === 'path') sources.push(evaluation.expand(source.path))
    else {
      const { heredoc } = source
      const body = heredocBody(heredoc)
      if (heredoc.name.includes('/')) {
        evaluation.refuse(
          `COPY cannot make a file named "${heredoc.name}"`,
          instruction.range,
          'give the path as the destination',
        )
      }
      const content = heredoc.expand ? expandBody(dockerfile, body, heredoc.range, state.scope) : body
      inline.push({ name: heredoc.name, content })
    }
  }
  const written = evaluation.expand(instruction.destination)
  const chown = instruction.chown && evaluation.expand(instruction.chown)
  const chmod = instruction.chmod && evaluation.expand(instruction.chmod)
  const flags = `${chown === undefined ? '' : ` --chown=${chown}`}${chmod === undefined ? '' : ` --chmod=${chmod}`}`
  const names = [...sources, ...inline.map(({ name }) => `<<${name}`)]
  const text = `COPY${flags} ${names.join(' ')} ${written}`
  addHistory(state, text, { layer: true, created, mark: true })
  return {
    kind: 'copy',
    instruction,
    text: instruction.from === undefined ? text : text.replace('COPY', `COPY --from=${instruction.from.text}`),
    sources,
    inline,
    destination: destinationOf(evaluation, written),
    from: stage.files.get(instruction),
    chown: chown === '' ? undefined : chown,
    chmod: modeOf(evaluation, instruction, chmod),
  }
}

/** Absolute, with a slash at the end when it was written with one or stands for the working directory. */
function destinationOf(evaluation: Evaluation, written: string): string {
  const absolute = joinPath(evaluation.state.config.WorkingDir || '/', written)
  const directory = written === '' || written.endsWith('/') || /(?:^|\/)\.{1,2}$/.test(written)
  return directory && absolute !== '/' ? `${absolute}/` : absolute
}

function modeOf(evaluation: Evaluation, instruction: CopyInstruction, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (/^[0-7]{1,4}$/.test(text) || /^0[0-7]{4}$/.test(text)) return Number.parseInt(text, 8)
  return evaluation.refuse(
    `COPY --chmod takes an octal mode up to 7777, not "${text}"`,
    instruction.chmod!.range,
    /[rwxXst]/.test(text) ? 'symbolic modes are not supported yet' : 'for example --chmod=755',
  )
}
