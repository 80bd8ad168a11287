import { ConfigError } from './config-error.ts'
import { text } from './fields.ts'
import type { Field } from './fields.ts'

const shape = /^(?:\*\*?|[a-z0-9*][a-z0-9._*-]*)(?:\/(?:\*\*?|[a-z0-9*][a-z0-9._*-]*))*$/

/** A pattern of repository names: `*` stands for anything but a slash, `**` for anything: `library/*`, `team/**`, `**`. */
export function repositoryPattern(): Field<string> {
  const read = text()
  return (value, path) => {
    const pattern = read(value, path)
    if (pattern.length <= 255 && shape.test(pattern)) return pattern
    throw new ConfigError(path, `is no pattern of repository names such as "library/*" or "team/**"`)
  }
}

/** Whether a repository name is one that the pattern stands for; `team/**` stands for `team` itself too. */
export function matchesRepository(pattern: string, repository: string): boolean {
  if (pattern.endsWith('/**') && matchesRepository(pattern.slice(0, -3), repository)) return true
  return expressionOf(pattern).test(repository)
}

const known = new Map<string, RegExp>()
const mostKnown = 1000

function expressionOf(pattern: string): RegExp {
  let expression = known.get(pattern)
  if (expression === undefined) {
    // Neighbouring stars are one: they would make the expression slow and mean the same.
    const source = pattern
      .replaceAll(/\*{2,}/g, '**')
      .split(/(\*\*|\*)/)
      .map((part) => (part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replaceAll(/[.\\+?^${}()|[\]]/g, '\\$&')))
      .join('')
    expression = new RegExp(`^${source}$`)
    if (known.size >= mostKnown) known.clear()
    known.set(pattern, expression)
  }
  return expression
}
