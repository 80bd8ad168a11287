import { badRequest } from '../http/api-failure.ts'

/** Reads the members of a JSON object that a client sent: absent and null are undefined, another type is refused with its name. */
export class Fields {
  readonly #value: Readonly<Record<string, unknown>>
  readonly #path: string

  constructor(value: unknown, path = '') {
    if (value !== undefined && value !== null && (typeof value !== 'object' || Array.isArray(value)))
      throw badRequest(`invalid ${path}: it is not an object`)
    this.#value = (value ?? {}) as Readonly<Record<string, unknown>>
    this.#path = path
  }

  /** The names of all members. */
  get names(): readonly string[] {
    return Object.keys(this.#value)
  }

  /** A member as it came. */
  raw(name: string): unknown {
    return this.#value[name] ?? undefined
  }

  text(name: string): string | undefined {
    return this.#typed(name, 'string', (value) => typeof value === 'string')
  }

  number(name: string): number | undefined {
    return this.#typed(name, 'number', (value): value is number => typeof value === 'number' && Number.isFinite(value))
  }

  flag(name: string): boolean | undefined {
    return this.#typed(name, 'boolean', (value) => typeof value === 'boolean')
  }

  texts(name: string): string[] | undefined {
    return this.#typed(name, 'list of texts', isTexts)
  }

  /** A list of texts, or a single text in its place. */
  textOrTexts(name: string): string[] | undefined {
    const value = this.raw(name)
    return typeof value === 'string' ? [value] : this.texts(name)
  }

  /** An object of texts. */
  map(name: string): Record<string, string> | undefined {
    return this.#typed(name, 'object of texts', isTextMap)
  }

  /** The names of an object whose values say nothing, such as `{"80/tcp": {}}`. */
  keys(name: string): string[] | undefined {
    const value = this.#typed(name, 'object', isObject)
    return value === undefined ? undefined : Object.keys(value)
  }

  object(name: string): Fields {
    return new Fields(this.raw(name), this.#at(name))
  }

  objects(name: string): Fields[] {
    const value = this.raw(name)
    if (value === undefined) return []
    if (!Array.isArray(value)) throw badRequest(`invalid ${this.#at(name)}: it is not a list`)
    return value.map((each: unknown, index) => new Fields(each, `${this.#at(name)}[${index}]`))
  }

  #typed<T>(name: string, type: string, fits: (value: unknown) => value is T): T | undefined {
    const value = this.raw(name)
    if (value === undefined || fits(value)) return value
    throw badRequest(`invalid ${this.#at(name)}: it is not a ${type}`)
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

function isTextMap(value: unknown): value is Record<string, string> {
  return isObject(value) && isTexts(Object.values(value))
}

/** An object without the members that are undefined, for types whose members are there or not. */
export function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
