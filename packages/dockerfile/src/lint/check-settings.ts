import { rules, type Rule } from './rules.ts'

/** What `# check=` at the top of a file, or a build argument, says of the rules. */
export interface CheckSettings {
  readonly skip: ReadonlySet<Rule> | 'all'
  readonly experimental: ReadonlySet<Rule> | 'all'
  /** Warnings end the build. */
  readonly error: boolean
}

/**
 * Reads `skip=A,B;error=true;experimental=all`. Names that are no rules count for nothing, so that a file for a newer version works.
 * Undefined when the text is of another form.
 */
export function parseCheckSettings(text: string): CheckSettings | undefined {
  let skip: CheckSettings['skip'] = new Set()
  let experimental: CheckSettings['experimental'] = new Set()
  let error = false
  for (const part of text.split(';')) {
    if (part.trim() === '') continue
    const match = /^\s*(skip|error|experimental)\s*=\s*(.*?)\s*$/.exec(part)
    if (match === null) return undefined
    const [, key, value = ''] = match
    if (key === 'error') {
      if (!/^(?:true|false|1|0)$/i.test(value)) return undefined
      error = /^(?:true|1)$/i.test(value)
    } else if (key === 'skip') skip = rulesOf(value)
    else experimental = rulesOf(value)
  }
  return { skip, experimental, error }
}

function rulesOf(list: string): ReadonlySet<Rule> | 'all' {
  const names = list.split(',').map((name) => name.trim())
  if (names.includes('all')) return 'all'
  return new Set(names.flatMap((name) => (Object.keys(rules).find((rule) => rule === name) as Rule | undefined) ?? []))
}
