import type { Expression, Node } from './parse-template.ts'
import { CliError } from '../cli-error.ts'
import { functions, isTruth, printValue } from './functions.ts'
import { parseTemplate } from './parse-template.ts'
import { templateError } from './tokens.ts'

/** A parsed template: prints one value. */
export type Template = (data: unknown) => string

/**
 * Makes a printer of a Go template. Fields are looked up by name, then without regard to case (`.ID` finds `Id`).
 * A lower-case field that is absent prints `<no value>` (a key of a map); one with a capital is refused, with the names there are.
 *
 * @throws CliError TEMPLATE, here for what cannot be parsed and from the printer for what does not fit the data.
 */
export function compileTemplate(source: string): Template {
  const nodes = parseTemplate(source)
  return (data) => {
    const out: string[] = []
    new Run(source, data, out).all(nodes, data)
    return out.join('')
  }
}

class Run {
  readonly #source: string
  readonly #out: string[]
  #scope: Map<string, unknown>[]

  constructor(source: string, root: unknown, out: string[]) {
    this.#source = source
    this.#out = out
    this.#scope = [new Map([['$', root]])]
  }

  /** Runs nodes in a scope of their own; says how a loop is to go on. */
  all(nodes: readonly Node[], dot: unknown): 'break' | 'continue' | undefined {
    this.#scope.push(new Map())
    try {
      for (const node of nodes) {
        const leave = this.#one(node, dot)
        if (leave !== undefined) return leave
      }
      return undefined
    } finally {
      this.#scope.pop()
    }
  }

  #one(node: Node, dot: unknown): 'break' | 'continue' | undefined {
    switch (node.kind) {
      case 'text':
        this.#out.push(node.text)
        return undefined
      case 'print':
        this.#out.push(printValue(this.#value(node.value, dot)))
        return undefined
      case 'set':
        this.#set(node.name, this.#value(node.value, dot), node.declares, node.at)
        return undefined
      case 'if':
      case 'with': {
        const value = this.#condition(node.value, dot)
        return this.#scoped(node.name === undefined ? [] : [[node.name, value]], () =>
          isTruth(value) ? this.all(node.body, node.kind === 'with' ? value : dot) : this.all(node.otherwise, dot),
        )
      }
      case 'range':
        return this.#range(node, dot)
      case 'break':
      case 'continue':
        return node.kind
    }
  }

  #range(node: Extract<Node, { kind: 'range' }>, dot: unknown): 'break' | 'continue' | undefined {
    const entries = this.#entries(this.#condition(node.value, dot), node.at)
    if (entries.length === 0) return this.all(node.otherwise, dot)
    const [first, second] = node.names
    for (const [key, value] of entries) {
      const names: [string, unknown][] =
        second !== undefined && first !== undefined
          ? [
              [first, key],
              [second, value],
            ]
          : first === undefined
            ? []
            : [[first, value]]
      if (this.#scoped(names, () => this.all(node.body, value)) === 'break') break
    }
    return undefined
  }

  #entries(value: unknown, at: number): [unknown, unknown][] {
    if (value === undefined || value === null) return []
    if (Array.isArray(value)) return value.map((item: unknown, index) => [index, item])
    if (typeof value === 'number') return Array.from({ length: value }, (_, index) => [index, index])
    if (typeof value === 'object') return Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
    throw templateError(this.#source, at, `range cannot go over ${JSON.stringify(value)}`)
  }

  #scoped<T>(names: readonly [string, unknown][], work: () => T): T {
    this.#scope.push(new Map(names))
    try {
      return work()
    } finally {
      this.#scope.pop()
    }
  }

  #set(name: string, value: unknown, declares: boolean, at: number): void {
    const scope = declares ? this.#scope.at(-1) : this.#scope.findLast((names) => names.has(name))
    if (scope === undefined) throw templateError(this.#source, at, `undefined variable ${JSON.stringify(name)}`)
    scope.set(name, value)
  }

  /** A value of which only the truth is asked: a field that is not there is simply false. */
  #condition(expression: Expression, dot: unknown): unknown {
    return expression.kind === 'path' ? this.#path(expression, dot, true) : this.#value(expression, dot)
  }

  #value(expression: Expression, dot: unknown): unknown {
    switch (expression.kind) {
      case 'literal':
        return expression.value
      case 'dot':
        return dot
      case 'path':
        return this.#path(expression, dot, false)
      case 'variable': {
        const scope = this.#scope.findLast((names) => names.has(expression.name))
        if (scope === undefined)
          throw templateError(this.#source, expression.at, `undefined variable ${JSON.stringify(expression.name)}`)
        return scope.get(expression.name)
      }
      case 'call':
        return this.#call(expression, [], dot)
      case 'method': {
        const method = this.#value(expression.of, dot)
        if (typeof method !== 'function')
          throw templateError(this.#source, expression.at, 'this is no function, and takes no arguments')
        const result: unknown = Reflect.apply(
          method,
          undefined,
          expression.args.map((arg) => this.#value(arg, dot)),
        )
        return result
      }
      case 'pipe': {
        let value = this.#value(expression.first, dot)
        for (const stage of expression.rest) {
          if (stage.kind !== 'call')
            throw templateError(this.#source, 'at' in stage ? stage.at : 0, 'only a function can stand after |')
          value = this.#call(stage, [value], dot)
        }
        return value
      }
    }
  }

  #call(call: Extract<Expression, { kind: 'call' }>, piped: readonly unknown[], dot: unknown): unknown {
    if (call.name === 'and' || call.name === 'or') return this.#logic(call, piped, dot)
    const known = Object.entries(functions).find(([name]) => name === call.name)?.[1]
    if (known === undefined)
      throw templateError(this.#source, call.at, `function ${JSON.stringify(call.name)} not defined`)
    const lenient = call.name === 'not' || call.name === 'json'
    const args = call.args.map((arg) => (lenient ? this.#condition(arg, dot) : this.#value(arg, dot)))
    try {
      return known(...args, ...piped)
    } catch (error) {
      if (error instanceof CliError) throw error
      throw templateError(
        this.#source,
        call.at,
        `${call.name}: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  /** `and` and `or` stop at the first argument that decides. */
  #logic(call: Extract<Expression, { kind: 'call' }>, piped: readonly unknown[], dot: unknown): unknown {
    let value: unknown
    for (const next of [...call.args.map((arg) => () => this.#condition(arg, dot)), ...piped.map((one) => () => one)]) {
      value = next()
      if (isTruth(value) === (call.name === 'or')) break
    }
    return value
  }

  #path(expression: Extract<Expression, { kind: 'path' }>, dot: unknown, lenient: boolean): unknown {
    let value = this.#value(expression.of, dot)
    for (const field of expression.fields) {
      if (typeof value !== 'object' || value === null) {
        if (lenient) return undefined
        throw templateError(this.#source, expression.at, `there is no .${field} in ${printValue(value)}`)
      }
      const names = Object.getOwnPropertyNames(value)
      const name = names.includes(field)
        ? field
        : names.find((candidate) => candidate.toLowerCase() === field.toLowerCase())
      if (name === undefined) {
        if (lenient) return undefined
        if (/^\p{Lu}/u.test(field))
          throw templateError(
            this.#source,
            expression.at,
            `there is no field .${field} (there are: ${names.join(', ') || 'none'})`,
          )
      }
      value = name === undefined ? undefined : Reflect.get(value, name)
    }
    return value
  }
}
