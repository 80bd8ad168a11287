import { OciError, type OciErrorCode } from './errors.ts'
import { limits } from './limits.ts'
import { quote } from './quote.ts'

/** A document being read: what it is called in messages, and the code of its errors. */
export interface InputDocument {
  readonly what: string
  readonly code: OciErrorCode
}

/**
 * A value from outside, with its place in the document, so that every refusal names the place and the rule.
 * `null` counts as absent throughout: Go writes it for empty lists and maps.
 */
export class Input {
  readonly value: unknown
  readonly path: string
  readonly document: InputDocument

  constructor(document: InputDocument, value: unknown, path = '') {
    this.document = document
    this.value = value
    this.path = path
  }

  fail(expected: string): never {
    const subject = this.path === '' ? 'it' : this.path
    const { code, what } = this.document
    throw new OciError(code, `Cannot read the ${what}: ${subject} is ${show(this.value)}, expected ${expected}`)
  }

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  /** The member of that name, or undefined when it is absent or null. */
  get(key: string): Input | undefined {
    const member = Object.getOwnPropertyDescriptor(this.object(), key)?.value as unknown
    if (member === undefined || member === null) return undefined
    return new Input(this.document, member, this.path === '' ? key : `${this.path}.${key}`)
  }

  /** The member of that name, which must be there. */
  need(key: string): Input {
    return (
      this.get(key) ??
      new Input(this.document, undefined, this.path === '' ? key : `${this.path}.${key}`).fail('a value')
    )
  }

  object(): Readonly<Record<string, unknown>> {
    const { value } = this
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.fail('an object')
    return value as Record<string, unknown>
  }

  string(): string {
    return typeof this.value === 'string' ? this.value : this.fail('a text')
  }

  boolean(): boolean {
    return typeof this.value === 'boolean' ? this.value : this.fail('true or false')
  }

  number(): number {
    return typeof this.value === 'number' ? this.value : this.fail('a number')
  }

  /** A count of bytes: whole, not negative, and exact as a JavaScript number. */
  size(): number {
    if (Number.isSafeInteger(this.value) && (this.value as number) >= 0) return this.value as number
    return this.fail('a whole number of bytes from 0 to 2^53-1')
  }

  list(): readonly Input[] {
    if (!Array.isArray(this.value)) return this.fail('a list')
    if (this.value.length > limits.listItems) return this.#failLong(this.value.length, limits.listItems, 'items')
    return this.value.map((item: unknown, at) => new Input(this.document, item, `${this.path}[${at}]`))
  }

  strings(): readonly string[] {
    return this.list().map((item) => item.string())
  }

  /** A map whose values the given function accepts. */
  map<T>(accept: (value: Input) => T): Readonly<Record<string, T>> {
    const entries = Object.entries(this.object())
    if (entries.length > limits.mapEntries) return this.#failLong(entries.length, limits.mapEntries, 'entries')
    return Object.fromEntries(
      entries.map(([key, value]) => {
        return [key, accept(new Input(this.document, value, `${this.path}[${quote(key)}]`))]
      }),
    )
  }

  #failLong(found: number, limit: number, unit: string): never {
    const { code, what } = this.document
    throw new OciError(
      code,
      `Cannot read the ${what}: ${this.path} has ${found} ${unit}, and at most ${limit} are read`,
    )
  }
}

function show(value: unknown): string {
  if (value === undefined || value === null) return 'missing'
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'an object'
}

/**
 * Replaces known members of an object by their accepted values and drops those that were null or absent;
 * members nobody knows stay as they came.
 */
export function withKnown<T extends object>(input: Input, known: { [K in keyof T]: T[K] | undefined }): T {
  const result: Record<string, unknown> = { ...input.object() }
  for (const [key, value] of Object.entries(known)) {
    if (value === undefined) delete result[key]
    else result[key] = value
  }
  return result as T
}
