import type { BuildInspection } from '@gantry/builder'
import type { Context } from '../context.ts'
import { renderDiagnostic, type Warning } from '@gantry/dockerfile'
import { tabulate } from '../format/tabulate.ts'

/** What can be asked of a Dockerfile instead of building it. */
export type BuildCall = 'check' | 'outline' | 'targets'

/** Prints what was asked of a Dockerfile; the exit code is 1 when a check found something. */
export function showInspection(context: Context, call: BuildCall, inspection: BuildInspection, json: boolean): number {
  const { check, outline, targets } = inspection
  const found = { check, outline, targets }[call]
  if (json) context.out.write(`${JSON.stringify(found, undefined, 2)}\n`)
  else if (call === 'check') showCheck(context, inspection)
  else if (call === 'outline') showOutline(context, inspection)
  else {
    const rows = targets.map(({ index, name, base, description, isDefault }) => [
      `${name ?? String(index)}${isDefault ? ' (default)' : ''}`,
      base,
      description,
    ])
    context.out.write(tabulate([['TARGET', 'FROM', 'DESCRIPTION'], ...rows]))
  }
  return call === 'check' && check.warnings.length > 0 ? 1 : 0
}

function showCheck({ out }: Context, { check, file, text }: BuildInspection): void {
  if (check.warnings.length === 0) {
    out.write('Check complete, no warnings found.\n')
    return
  }
  for (const warning of check.warnings) out.write(`${describe(warning, file, text)}\n\n`)
  const count = check.warnings.length
  out.write(`Check complete, ${count} warning${count === 1 ? ' has' : 's have'} been found.\n`)
}

function describe({ rule, message, range }: Warning, file: string, text: string): string {
  const { line, column, offset } = range.start
  const end = text.indexOf('\n', offset)
  const length = Math.min(range.end.offset, end === -1 ? text.length : end) - offset
  return renderDiagnostic(text, { message: `${rule}: ${message}`, file, line, column, length })
}

function showOutline({ out }: Context, { outline }: BuildInspection): void {
  const { name, description, args, needs } = outline
  if (name !== undefined) out.write(`TARGET: ${name}\n`)
  if (description !== '') out.write(`DESCRIPTION: ${description}\n`)
  if (args.length > 0) {
    out.write('\n')
    const rows = args.map((arg) => [arg.name, arg.value ?? '', arg.description])
    out.write(tabulate([['BUILD ARG', 'VALUE', 'DESCRIPTION'], ...rows]))
  }
  if (needs.length > 0) {
    out.write('\n')
    const rows = needs.map(({ kind, id, required }) => [kind, id, required ? 'yes' : ''])
    out.write(tabulate([['NEEDS', 'ID', 'REQUIRED'], ...rows]))
  }
}
