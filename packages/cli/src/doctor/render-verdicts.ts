import type { Verdict } from '@gantry/linux'
import { wrap } from '../flags/render-help.ts'
import { paint } from '../progress/live-lines.ts'

const marks = {
  ok: ['ok', 'green'],
  warning: ['warning', 'yellow'],
  failure: ['FAILED', 'red'],
  skipped: ['skipped', 'grey'],
} as const

/** The verdicts on a machine, a line each, with what mends a bad one below it, and how many there are of each. */
export function renderVerdicts(
  verdicts: readonly Verdict[],
  { columns, colour }: { columns: number; colour: boolean },
): string {
  const topicWidth = Math.max(...verdicts.map(({ topic }) => topic.length), 0) + 2
  const markWidth = 9
  const room = Math.max(columns - topicWidth - markWidth, 40)
  const margin = ' '.repeat(topicWidth + markWidth)
  const lines = verdicts.flatMap(({ topic, verdict, sentence, mend }) => {
    const [mark, shade] = marks[verdict]
    const [first = '', ...rest] = wrap(sentence, room)
    return [
      `${topic.padEnd(topicWidth)}${paint(mark.padEnd(markWidth), shade, colour)}${first}`,
      ...rest.map((line) => margin + line),
      ...(mend === undefined || mend === ''
        ? []
        : mend.split('\n').map((line, index) => `${margin}${index === 0 ? 'mend: ' : '      '}${line}`)),
    ]
  })
  const count = (wanted: Verdict['verdict']): number => verdicts.filter(({ verdict }) => verdict === wanted).length
  const failures = count('failure')
  const warnings = count('warning')
  const rest = warnings === 0 ? '' : `; ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`
  const summary =
    failures === 0 ? `This machine can run containers${rest}` : `${failures} of ${verdicts.length} checks failed${rest}`
  return `${[...lines, '', paint(summary, failures === 0 ? 'green' : 'red', colour)].join('\n')}\n`
}
