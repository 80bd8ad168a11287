import type { Command } from '../command.ts'
import type { FlagSet } from './flag.ts'

/** The help of a command, in docker's layout, at most `columns` wide. */
export function renderHelp(command: Command, columns: number): string {
  const lines = [
    `Usage:  gantry ${command.name}${command.usage === '' ? '' : ` ${command.usage}`}`,
    '',
    command.summary,
  ]
  if (command.details !== undefined) lines.push('', ...command.details.trim().split('\n'))
  if (command.aliases.length > 0) {
    lines.push('', 'Aliases:', `  ${[...command.aliases, command.name].map((name) => `gantry ${name}`).join(', ')}`)
  }
  const options = renderFlags(command.flags, columns)
  if (options.length > 0) lines.push('', 'Options:', ...options)
  return `${lines.join('\n')}\n`
}

/** The rows of an "Options:" section: `  -e, --env list   What it does`, wrapped under their own column. */
export function renderFlags(flags: FlagSet, columns: number): string[] {
  const rows = Object.entries(flags)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => ({
      left: `  ${flag.short === undefined ? '   ' : `-${flag.short},`} --${name}${flag.type === '' ? '' : ` ${flag.type}`}`,
      right: flag.shownDefault === undefined ? flag.help : `${flag.help} (default ${flag.shownDefault})`,
    }))
  const width = Math.max(...rows.map((row) => row.left.length)) + 3
  return rows.flatMap(({ left, right }) => {
    const [first = '', ...rest] = wrap(right, Math.max(columns - width, 24))
    return [left.padEnd(width) + first, ...rest.map((line) => ' '.repeat(width) + line)]
  })
}

/** Breaks a text at spaces into lines of at most `width` characters; its own line breaks stay. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const paragraph of text.split('\n')) {
    let line = ''
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line)
        line = word
      } else line = line === '' ? word : `${line} ${word}`
    }
    lines.push(line)
  }
  return lines
}
