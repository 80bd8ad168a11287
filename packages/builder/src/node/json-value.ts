/** A member of something that came from outside as JSON or YAML; undefined when that is no object or lacks it. */
export function memberOf(value: unknown, name: string): unknown {
  if (!isRecord(value)) return undefined
  return Object.hasOwn(value, name) ? value[name] : undefined
}

/** Whether a value is an object with members, and no list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A text; undefined when it is something else. */
export function textOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** The members of an object, empty when it is none. */
export function membersOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isRecord(value) ? Object.entries(value) : []
}

/** The members of an object that are texts. */
export function textsByName(value: unknown): ReadonlyMap<string, string> {
  return new Map(membersOf(value).flatMap(([name, text]) => (typeof text === 'string' ? [[name, text]] : [])))
}

/** The texts of a list; a single text is a list of one. */
export function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}
