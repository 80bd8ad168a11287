import type { Goal, Row } from './row.ts'
import { median } from './statistics.ts'

/** A side as the report names it. */
export interface ReportedSide {
  readonly name: string
  readonly version: string
  readonly notComparable?: string
}

/** Prints rows as a table: medians, and Gantry's ratio to each other side. */
export function formatTable(rows: readonly Row[], sides: readonly ReportedSide[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.samples)))].sort(
    (a, b) => Number(b === 'gantry') - Number(a === 'gantry'),
  )
  const peers = names.filter((name) => name !== 'gantry')
  const head = ['', ...names, ...peers.map((name) => `/ ${name}`), 'goal']
  const lines = rows.map((row) => [
    `${row.suite}: ${row.title}`,
    ...names.map((name) => value(row, name)),
    ...peers.map((name) => ratio(row, name, sides)),
    goalText(row, sides),
  ])
  return `${layOut([head, ...lines])}\n${notes(sides)}`
}

/** Whether a goal is reached; undefined when it cannot be told (a side is missing, or not comparable). */
export function isReached(row: Row, goal: Goal, sides: readonly ReportedSide[]): boolean | undefined {
  const ours = median(row.samples['gantry'] ?? [])
  if (Number.isNaN(ours)) return undefined
  if (goal.against === undefined) return clears(ours, goal)
  const theirs = median(row.samples[goal.against] ?? [])
  if (Number.isNaN(theirs) || reasonAgainst(goal.against, sides) !== undefined) return undefined
  return clears(ours / theirs, goal)
}

function clears(value: number, goal: Goal): boolean {
  return 'atMost' in goal ? value <= goal.atMost : value >= goal.atLeast
}

function value(row: Row, name: string): string {
  const samples = row.samples[name]
  if (samples === undefined || samples.length === 0) return '–'
  const middle = median(samples)
  return `${middle.toFixed(middle < 10 ? 2 : middle < 100 ? 1 : 0)} ${row.unit}`
}

function ratio(row: Row, name: string, sides: readonly ReportedSide[]): string {
  const quotient = median(row.samples['gantry'] ?? []) / median(row.samples[name] ?? [])
  if (Number.isNaN(quotient)) return '–'
  return reasonAgainst(name, sides) === undefined ? quotient.toFixed(2) : 'not comparable'
}

function goalText(row: Row, sides: readonly ReportedSide[]): string {
  return (row.goals ?? [])
    .map((goal) => {
      const [sign, bound] = 'atMost' in goal ? ['≤', goal.atMost] : ['≥', goal.atLeast]
      const bar =
        goal.against === undefined ? `${sign} ${bound} ${row.unit}` : `${sign} ${bound.toFixed(2)} of ${goal.against}`
      const reached = isReached(row, goal, sides)
      return `${bar}${reached === undefined ? '' : reached ? ' ✔' : ' ✘'}`
    })
    .join(', ')
}

function reasonAgainst(name: string, sides: readonly ReportedSide[]): string | undefined {
  return sides.find((side) => side.name === name)?.notComparable
}

function notes(sides: readonly ReportedSide[]): string {
  return sides
    .map(({ name, version, notComparable }) => {
      const why = notComparable === undefined ? '' : `: not comparable, ${notComparable}`
      return `${name} ${version}${why}\n`
    })
    .join('')
}

function layOut(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((text, column) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
