import type { Output } from '../output.ts'
import { compileTemplate } from '../template/run-template.ts'
import { tabulate } from './tabulate.ts'

/** The columns a list can show, by the name a template uses: the heading of a table, and how a row's text is made. */
export type Columns<T> = Readonly<Record<string, readonly [heading: string, text: (row: T) => string]>>

/** How a list is printed. */
export interface RowOptions<T> {
  readonly format: string | undefined
  /** The columns of the default table. */
  readonly shown: readonly string[]
  /** Columns that take an argument, such as docker's `{{.Label "key"}}`. */
  readonly methods?: Readonly<Record<string, (row: T, argument: string) => string>>
}

/**
 * Prints a list as `--format` asks, docker's way: `table` (the default columns), `table TEMPLATE`, `json` (an object per
 * line) or a template run for every row. `\t` and `\n` in a template stand for the characters.
 *
 * @throws CliError TEMPLATE
 */
export function printRows<T>(out: Output, rows: readonly T[], columns: Columns<T>, options: RowOptions<T>): void {
  const format =
    options.format === undefined || options.format === ''
      ? 'table'
      : options.format.replaceAll('\\t', '\t').replaceAll('\\n', '\n')
  const record = (row: T): Record<string, string> => {
    // A template reads one or two columns of many: make only what is asked for.
    const lazy = {}
    for (const [name, [, text]] of Object.entries(columns))
      Object.defineProperty(lazy, name, { enumerable: true, get: () => text(row) })
    return lazy
  }
  const dataOf = (row: T): object => {
    const data = record(row)
    for (const [name, method] of Object.entries(options.methods ?? {})) {
      Object.defineProperty(data, name, {
        enumerable: false,
        value: (argument: unknown) => method(row, String(argument)),
      })
    }
    return data
  }
  if (format === 'json') {
    out.write(rows.map((row) => `${JSON.stringify(record(row))}\n`).join(''))
    return
  }
  if (format === 'table') {
    const headings = options.shown.map((name) => columns[name]?.[0] ?? name)
    const cells = rows.map((row) => options.shown.map((name) => columns[name]?.[1](row) ?? ''))
    out.write(tabulate([headings, ...cells]))
    return
  }
  const isTable = format.startsWith('table ')
  const template = compileTemplate(isTable ? format.slice(6).trimStart() : format)
  const lines = rows.map((row) => template(dataOf(row)))
  if (!isTable) {
    out.write(lines.map((line) => `${line}\n`).join(''))
    return
  }
  const titles: Record<string, unknown> = Object.fromEntries(
    Object.entries(columns).map(([name, [title]]) => [name, title]),
  )
  for (const name of Object.keys(options.methods ?? {}))
    titles[name] = (argument: unknown) => String(argument).toUpperCase()
  const heading = template(titles)
  out.write(tabulate([heading, ...lines].map((line) => line.split('\t'))))
}
