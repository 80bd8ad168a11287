import type { Command } from './command.ts'
import type { TableGroup } from './table.ts'
import { CliError } from './cli-error.ts'
import { renderFlags, renderHelp } from './flags/render-help.ts'
import { fileOutput } from './output.ts'
import { globalFlags } from './parse-globals.ts'
import { commands, groups } from './table.ts'

const common = ['run', 'exec', 'ps', 'build', 'pull', 'push', 'images', 'explain', 'doctor', 'version']

/** Prints the help of one command. */
export function printHelp(command: Command): number {
  const out = fileOutput(1)
  out.write(renderHelp(command, Math.min(out.isTerminal ? out.columns : 80, 100)))
  return 0
}

/** `gantry`, `gantry help [COMMAND]`, `gantry network`, or a word that is no command. */
export async function helpOrUnknown(word: string, rest: readonly string[]): Promise<number> {
  const out = fileOutput(1)
  if (word === 'help') {
    const [first, second] = rest
    if (first === undefined) {
      out.write(overview(80))
      return 0
    }
    const group = groups[first]
    const row = commands[first] ?? group?.commands[second ?? '']
    if (row !== undefined) return printHelp(await row.load())
    if (group !== undefined && second === undefined) return helpOrUnknown(first, [])
    throw unknown(rest.join(' '))
  }
  const group = groups[word]
  if (group === undefined) throw unknown(word)
  const asked = rest[0]
  if (asked !== undefined && asked !== '--help' && asked !== '-h') throw unknown(`${word} ${asked}`, `${word} `)
  out.write(groupHelp(word, group))
  return 0
}

function unknown(words: string, prefix = ''): CliError {
  return new CliError('UNKNOWN_COMMAND', `unknown command: gantry ${words}`, {
    hint: `Run 'gantry ${prefix}--help' for more information`,
  })
}

function rows(table: Readonly<Record<string, { summary: string }>>, names: readonly string[]): string[] {
  const width = Math.max(...names.map((name) => name.length)) + 3
  return names.map((name) => `  ${name.padEnd(width)}${table[name]?.summary ?? ''}`)
}

function groupHelp(word: string, group: TableGroup): string {
  const names = Object.keys(group.commands).toSorted()
  return `Usage:  gantry ${word} COMMAND\n\n${group.summary}\n\nCommands:\n${rows(group.commands, names).join('\n')}\n\nRun 'gantry ${word} COMMAND --help' for more information on a command.\n`
}

function overview(columns: number): string {
  const others = Object.keys(commands).filter((name) => !common.includes(name))
  return [
    'Usage:  gantry [OPTIONS] COMMAND',
    '',
    'Builds, ships and runs container images, and shows everything it does',
    '',
    'Common Commands:',
    ...rows(commands, common),
    '',
    'Management Commands:',
    ...rows(groups, Object.keys(groups)),
    '',
    'Commands:',
    ...rows(commands, others),
    '',
    'Global Options:',
    ...renderFlags(globalFlags, columns),
    '',
    "Run 'gantry COMMAND --help' for more information on a command.",
    '',
  ].join('\n')
}
