import type { ExplainedStep, Explanation } from '@gantry/client'
import { wrap } from '../flags/render-help.ts'
import { shortDuration } from '../format/human-duration.ts'
import { shortId } from '../format/short-id.ts'

const indent = '      '

/**
 * The ledger of a container in words, in the order of execution: what was done, why, the command that does the same by
 * hand, how long it took, and what will undo it. At most `columns` wide, 60 at least; long commands are broken with a
 * backslash, so that they can be copied.
 */
export function renderExplanation(explanation: Explanation, columns: number): string {
  const width = Math.max(columns, 60)
  const { id, name, image, status, pid, steps, weakens } = explanation
  const state = pid > 0 ? `${status}, process ${pid}` : status
  const lines =
    weakens === undefined
      ? [
          ...wrap(`Container ${name.replace(/^\//, '')} (${shortId(id)}) of image ${image}, ${state}.`, width),
          ...wrap(`${countOf(steps)}, in this order; they are undone last first.`, width),
        ]
      : planLines(image, steps, { weakens, width })
  let owner = ''
  let number = 0
  for (const step of steps) {
    if (step.owner !== owner) {
      owner = step.owner
      lines.push('', ...wrap(heading(owner, weakens !== undefined), width))
    }
    number += 1
    lines.push('', ...stepLines(weakens === undefined ? step : asPlan(step), number, width))
  }
  return `${lines.join('\n')}\n`
}

function planLines(
  image: string,
  steps: readonly ExplainedStep[],
  { weakens, width }: { weakens: readonly string[]; width: number },
): string[] {
  const changes = steps.filter((step) => !step.consequence).length
  const said = `A run of ${image} would make ${String(changes)} changes to this machine, and ${String(steps.length - changes)} more would follow from them, in this order. Nothing was done.`
  const thinner = weakens.flatMap((text) =>
    wrap(text, width - 4).map((line, index) => `${index === 0 ? '  - ' : '    '}${line}`),
  )
  return [
    ...wrap(said, width),
    '',
    ...(weakens.length === 0
      ? ['None of it makes the walls around the container thinner than they are by default.']
      : [...wrap('It makes the walls around the container thinner than they are by default:', width), ...thinner]),
  ]
}

/** A step that was not made took no time. */
function asPlan({ duration: _duration, ...step }: ExplainedStep): ExplainedStep {
  return { ...step, state: 'done' }
}

function countOf(steps: readonly ExplainedStep[]): string {
  const changes = steps.filter((step) => !step.consequence)
  const consequences = steps.length - changes.length
  const batches = new Map(
    changes.map((step) => [`${step.owner} ${step.started} ${step.duration ?? 0}`, step.duration ?? 0]),
  )
  const time = [...batches.values()].reduce((sum, duration) => sum + duration, 0)
  return `${changes.length} changes were made to this machine for it (${shortDuration(time)}), and ${consequences} more by the container runtime as a part of them`
}

function heading(owner: string, isPlan: boolean): string {
  if (!owner.startsWith('container/')) return `== Kept for other containers too (${owner})`
  if (isPlan) return /\/run\/\d+$/.test(owner) ? '== Undone when it stops' : '== Kept until the container is removed'
  const run = /\/run\/(\d+)$/.exec(owner)?.[1]
  return run === undefined
    ? `== Kept until the container is removed (${shortOwner(owner)})`
    : `== Made for run ${run}, undone when it stops (${shortOwner(owner)})`
}

function shortOwner(owner: string): string {
  return owner.replace(/[0-9a-f]{64}/g, (id) => id.slice(0, 12))
}

function stepLines(step: ExplainedStep, number: number, width: number): string[] {
  const mark = step.consequence ? '·' : `${number}.`
  const [first = '', ...rest] = wrap(step.sentence, width - indent.length)
  const lines = [`${mark.padStart(4)}  ${first}`, ...rest.map((line) => indent + line)]
  const add = (label: string, text: readonly string[]): void => {
    for (const [index, line] of text.entries()) lines.push(`${indent}${(index === 0 ? label : '').padEnd(8)}${line}`)
  }
  const room = width - indent.length - 8
  if (step.why !== '') add('why', wrap(step.why, room))
  if (step.command !== '') add('same as', breakCommand(step.command, room))
  if (step.undo !== '') add('undo', breakCommand(step.undo, room))
  const took = step.duration === undefined ? '' : shortDuration(step.duration)
  const state =
    step.state === 'done'
      ? ''
      : step.state === 'planned'
        ? 'not done yet'
        : step.state === 'undone'
          ? 'undone since'
          : 'failed, and undone'
  const note = [took, state].filter((text) => text !== '').join(', ')
  if (note !== '' && !(step.consequence && state === '')) add('took', [note])
  return lines
}

/** Breaks a shell command at spaces; a broken line ends with a backslash. Lines of a script stay lines. */
export function breakCommand(command: string, width: number): string[] {
  return command.split('\n').flatMap((line) => {
    const lines = wrap(line, width - 2)
    return lines.map((part, index) => (index === lines.length - 1 ? part : `${part} \\`))
  })
}
