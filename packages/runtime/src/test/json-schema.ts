import { readFileSync } from 'node:fs'
import { join } from 'node:path'

type Schema = Readonly<Record<string, unknown>>

/** A schema, and the file that its references start from. */
interface Place {
  readonly schema: Schema
  readonly file: string
}

/** Words of JSON Schema that change nothing. */
const silent = new Set(['description', '$schema', 'id', 'definitions', 'default'])

/**
 * Validates by the JSON schemas (draft 4) of a directory, as far as the OCI runtime specification's use the language: a word that
 * is not known here is an error, so that nothing goes unchecked. Stricter in one thing: a member that an object's schema does not
 * list is a finding, since no runtime would read it.
 */
export class JsonSchemas {
  readonly #directory: string
  readonly #files = new Map<string, Schema>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** What of a value does not fit a schema file, a line each; empty when all does. */
  findings(file: string, value: unknown): readonly string[] {
    const place = { schema: this.#open(file), file }
    return [...this.#check(place, value, ''), ...this.#strangers(place, value, '')]
  }

  #open(file: string): Schema {
    let schema = this.#files.get(file)
    if (schema === undefined) {
      schema = JSON.parse(readFileSync(join(this.#directory, file), 'utf8')) as Schema
      this.#files.set(file, schema)
    }
    return schema
  }

  #follow(reference: string, from: string): Place {
    const [name = '', pointer = ''] = reference.split('#')
    const file = name === '' ? from : name
    const steps = pointer.split('/').filter((step) => step !== '')
    const schema = steps.reduce<unknown>((at, step) => (at as Schema)[step], this.#open(file)) as Schema | undefined
    if (schema === undefined) throw new Error(`"${reference}" of ${from} leads nowhere`)
    return { schema, file }
  }

  #check({ schema, file }: Place, value: unknown, path: string): readonly string[] {
    const here = (inner: unknown): Place => ({ schema: inner as Schema, file })
    return Object.entries(schema).flatMap(([word, rule]): readonly string[] => {
      const fail = (why: string): readonly string[] => [`${path || '/'} ${why}: ${JSON.stringify(value)?.slice(0, 80)}`]
      switch (word) {
        case '$ref':
          return this.#check(this.#follow(rule as string, file), value, path)
        case 'type':
          return (Array.isArray(rule) ? rule : [rule]).some((type) => isType(value, type as string))
            ? []
            : fail(`is not of type ${String(rule)}`)
        case 'enum':
          return (rule as unknown[]).includes(value) ? [] : fail('is none of the words there are')
        case 'pattern':
          return typeof value !== 'string' || new RegExp(rule as string).test(value)
            ? []
            : fail(`does not match ${String(rule)}`)
        case 'minimum':
          return typeof value !== 'number' || value >= (rule as number) ? [] : fail(`is less than ${String(rule)}`)
        case 'maximum':
          return typeof value !== 'number' || value <= (rule as number) ? [] : fail(`is more than ${String(rule)}`)
        case 'minItems':
          return !Array.isArray(value) || value.length >= (rule as number)
            ? []
            : fail(`has fewer than ${String(rule)} items`)
        case 'items':
          return Array.isArray(value)
            ? value.flatMap((each, index) => [
                ...this.#check(here(rule), each, `${path}/${index}`),
                ...this.#strangers(here(rule), each, `${path}/${index}`),
              ])
            : []
        case 'required':
          return isObject(value)
            ? (rule as string[]).filter((name) => value[name] === undefined).flatMap((name) => fail(`has no "${name}"`))
            : []
        case 'properties':
          return isObject(value) ? this.#members(here(schema), value, path) : []
        case 'patternProperties':
          return isObject(value)
            ? Object.entries(rule as Schema).flatMap(([pattern, inner]) =>
                Object.keys(value)
                  .filter((name) => new RegExp(pattern).test(name))
                  .flatMap((name) => this.#check(here(inner), value[name], `${path}/${name}`)),
              )
            : []
        case 'additionalProperties':
          return []
        case 'allOf':
          return (rule as unknown[]).flatMap((each) => this.#check(here(each), value, path))
        case 'anyOf':
          return (rule as unknown[]).some((each) => this.#check(here(each), value, path).length === 0)
            ? []
            : fail('fits none of the alternatives')
        default:
          if (silent.has(word)) return []
          throw new Error(`The schema ${file} uses "${word}", which is not known here`)
      }
    })
  }

  #members({ schema, file }: Place, value: Schema, path: string): readonly string[] {
    const properties = schema['properties'] as Schema
    return Object.entries(value).flatMap(([name, inner]) => {
      const rule = properties[name] as Schema | undefined
      if (rule === undefined) return []
      const place = { schema: rule, file }
      return [...this.#check(place, inner, `${path}/${name}`), ...this.#strangers(place, inner, `${path}/${name}`)]
    })
  }

  /** Members of an object that none of its schemas list. */
  #strangers(place: Place, value: unknown, path: string): readonly string[] {
    const known = this.#names(place)
    if (!isObject(value) || known === undefined) return []
    return Object.keys(value).flatMap((name) =>
      known.has(name) ? [] : [`${path}/${name} is no member that the schema knows`],
    )
  }

  /** The members that an object may have; undefined where it may have any. */
  #names({ schema, file }: Place): ReadonlySet<string> | undefined {
    if (schema['patternProperties'] !== undefined) return undefined
    const parts = [
      ...(schema['$ref'] === undefined ? [] : [this.#names(this.#follow(schema['$ref'] as string, file))]),
      ...((schema['allOf'] ?? []) as Schema[]).map((each) => this.#names({ schema: each, file })),
      ...(schema['properties'] === undefined ? [] : [new Set(Object.keys(schema['properties'] as Schema))]),
    ]
    const found = parts.filter((part) => part !== undefined)
    return found.length === 0 ? undefined : new Set(found.flatMap((part) => [...part]))
  }
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isType(value: unknown, type: string): boolean {
  switch (type) {
    case 'object':
      return isObject(value)
    case 'array':
      return Array.isArray(value)
    case 'integer':
      return Number.isInteger(value)
    case 'null':
      return value === null
    default:
      return typeof value === type
  }
}
