import { joinPath, type TextInstruction } from '@gantry/dockerfile'
import { addHistory } from './history.ts'
import type { Evaluation } from './plan-stage.ts'
import type { WorkdirStep } from './planned-step.ts'

/** Evaluates WORKDIR: a relative path joins the one before, an absolute one stays as it is written; the root needs no layer. */
export function planWorkdirStep(evaluation: Evaluation, instruction: TextInstruction): WorkdirStep | undefined {
  const { state, created } = evaluation
  const written = evaluation.expand(instruction.argument)
  if (written === '') evaluation.refuse('WORKDIR has a path that is empty after expansion', instruction.argument.range)
  const path = joinPath(state.config.WorkingDir || '/', written)
  const shown = written.startsWith('/') ? written : path
  state.config.WorkingDir = shown
  const text = `WORKDIR ${shown}`
  addHistory(state, text, { layer: path !== '/', created })
  if (path === '/') return undefined
  return { kind: 'workdir', instruction, text, path, user: state.config.User ?? '' }
}
