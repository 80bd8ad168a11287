import type { ContainersCompared } from '@gantry/client'
import { wrap } from '../flags/render-help.ts'

/** In what two containers differ, by section; at most `columns` wide, 60 at least. */
export function renderComparison({ first, second, differences }: ContainersCompared, columns: number): string {
  const width = Math.max(columns, 60)
  const [left, right] = [first.name.replace(/^\//, ''), second.name.replace(/^\//, '')]
  if (differences.length === 0) return `${left} and ${right} differ in nothing but their names, ids and addresses.\n`
  const label = Math.max(left.length, right.length)
  const lines: string[] = []
  let section = ''
  for (const difference of differences.toSorted((a, b) => order(a.section) - order(b.section))) {
    if (difference.section !== section) {
      section = difference.section
      lines.push(...(lines.length === 0 ? [] : ['']), `== ${section}`)
    }
    lines.push(`  ${difference.name}`)
    for (const [name, value] of [
      [left, difference.first],
      [right, difference.second],
    ] as const) {
      const parts = wrap(value ?? '(nothing)', width - label - 6)
      for (const [index, part] of parts.entries()) lines.push(`    ${(index === 0 ? name : '').padEnd(label)}  ${part}`)
    }
  }
  return `${lines.join('\n')}\n`
}

const sections = ['configuration', 'namespaces', 'mounts', 'security', 'limits', 'network']

function order(section: string): number {
  return sections.indexOf(section)
}
