import { CliError } from '../cli-error.ts'

/** Reads `key=value,key,…` as docker writes it; a field in double quotes may hold commas. @throws CliError INVALID */
export function parseCsvOptions(flag: string, text: string, known: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const field of splitFields(text)) {
    const equals = field.indexOf('=')
    const key = (equals === -1 ? field : field.slice(0, equals)).trim().toLowerCase()
    if (!known.includes(key)) {
      throw new CliError('INVALID', `Cannot read --${flag} "${shown(text)}": it has no "${key}"`, {
        hint: `It knows ${known.join(', ')}`,
      })
    }
    if (found.has(key)) throw new CliError('INVALID', `Cannot read --${flag} "${shown(text)}": "${key}" is given twice`)
    found.set(key, equals === -1 ? '' : field.slice(equals + 1))
  }
  return found
}

function splitFields(text: string): readonly string[] {
  const fields = text.match(/(?:"(?:[^"]|"")*"|[^,"])+/g) ?? []
  return fields.map((field) => field.replace(/^"([\s\S]*)"$/, '$1').replaceAll('""', '"'))
}

function shown(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
