import { joinPath } from './clean-path.ts'
import { suggest } from './suggest.ts'
import type { RunMount } from './syntax.ts'

/** Where a mount's files come from: a directory of the context, or of a stage, an image or a named context. */
interface FromFiles {
  readonly source: string
  readonly from: string | undefined
}

/** Who owns what is mounted, where it was said. */
interface Ownership {
  readonly mode: number | undefined
  readonly uid: number | undefined
  readonly gid: number | undefined
}

/** A `--mount` of RUN with everything expanded and every default filled in; targets are absolute. */
export type Mount =
  | ({ readonly type: 'bind'; readonly target: string; readonly readonly: boolean } & FromFiles)
  | ({
      readonly type: 'cache'
      readonly target: string
      readonly readonly: boolean
      readonly id: string
      readonly sharing: 'shared' | 'private' | 'locked'
    } & FromFiles &
      Ownership)
  | {
      readonly type: 'tmpfs'
      readonly target: string
      readonly readonly: boolean
      /** In bytes; `undefined` for half of the memory. */
      readonly size: number | undefined
    }
  | ({
      readonly type: 'secret'
      readonly id: string
      /** Where the file is put; `undefined` when the secret goes into the environment only. */
      readonly target: string | undefined
      /** The variable it is put into. */
      readonly env: string | undefined
      readonly required: boolean
    } & Ownership)
  | ({
      readonly type: 'ssh'
      readonly id: string
      /** `undefined` for a place of the builder's choice. */
      readonly target: string | undefined
      readonly required: boolean
    } & Ownership)

/** What is wrong with a mount. Whoever knows the place makes a DockerfileError of it. */
export interface MountMistake {
  readonly message: string
  readonly hint?: string
}

/** How a mount is evaluated. */
export interface MountScope {
  /** Expands a value. */
  readonly expand: (value: string) => string
  /** The directory that relative targets are in. */
  readonly directory: string
}

const types = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const
const names: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
  rw: 'readwrite',
}
const owned = ['mode', 'uid', 'gid']
const known: Readonly<Record<Mount['type'], readonly string[]>> = {
  bind: ['type', 'from', 'source', 'target', 'readonly', 'readwrite'],
  cache: ['type', 'from', 'source', 'target', 'readonly', 'readwrite', 'id', 'sharing', ...owned],
  tmpfs: ['type', 'target', 'readonly', 'readwrite', 'size'],
  secret: ['type', 'id', 'source', 'target', 'readonly', 'readwrite', 'env', 'required', ...owned],
  ssh: ['type', 'id', 'target', 'readonly', 'readwrite', 'required', ...owned],
}

/** Says what is wrong with a mount as it is written, as far as that can be seen before variables are expanded. */
export function checkMount(mount: RunMount): MountMistake | undefined {
  const from = mount.fields.find(({ key }) => key === 'from')?.value
  if (from?.includes('$') === true) {
    return {
      message: 'RUN --mount does not expand variables in "from"',
      hint: 'give the image a stage of its own: FROM $IMAGE AS name, with a global ARG',
    }
  }
  // What has a variable in it is looked at when its value is known.
  if (mount.fields.some(({ value }) => value?.includes('$') === true)) return undefined
  const found = resolveMount(mount, { expand: (value) => value, directory: '/' })
  return 'message' in found ? found : undefined
}

/** Evaluates a mount. The rules are BuildKit's: https://docs.docker.com/reference/dockerfile/#run---mount */
export function resolveMount(mount: RunMount, { expand, directory }: MountScope): Mount | MountMistake {
  const fields = new Map<string, string | undefined>()
  for (const { key, value } of mount.fields) {
    const name = names[key] ?? key
    fields.set(name, value === undefined ? undefined : expand(value))
  }
  const written = fields.get('type') ?? 'bind'
  const type = types.find((each) => each === written)
  if (type === undefined) {
    return { message: `RUN --mount does not know the type "${written}"`, hint: `it takes ${types.join(', ')}` }
  }
  for (const [name, value] of fields) {
    if (!known[type].includes(name)) {
      const near = suggest(name, known[type])
      const hint = near === undefined ? `it knows ${known[type].join(', ')}` : `did you mean ${near}?`
      return { message: `RUN --mount of type ${type} has no "${name}"`, hint }
    }
    if (value === undefined && !['readonly', 'readwrite', 'required'].includes(name)) {
      return { message: `RUN --mount needs a value for "${name}"`, hint: `write ${name}=VALUE` }
    }
  }
  return new Reader(fields, directory).read(type)
}

/** Reads the values of a mount whose keys are all known; the first mistake is kept. */
class Reader {
  readonly #fields: ReadonlyMap<string, string | undefined>
  readonly #directory: string
  #mistake: MountMistake | undefined

  constructor(fields: ReadonlyMap<string, string | undefined>, directory: string) {
    this.#fields = fields
    this.#directory = directory
  }

  read(type: Mount['type']): Mount | MountMistake {
    const mount = this.#mount(type)
    return this.#mistake ?? mount
  }

  #mount(type: Mount['type']): Mount {
    switch (type) {
      case 'bind':
        return { type, target: this.#target(), readonly: this.#readonly(true), ...this.#files() }
      case 'cache': {
        const target = this.#target()
        const sharing = this.#word('sharing', ['shared', 'private', 'locked'])
        const id = this.#text('id') ?? target
        return { type, target, id, sharing, readonly: this.#readonly(false), ...this.#files(), ...this.#ownership() }
      }
      case 'tmpfs':
        return { type, target: this.#target(), readonly: this.#readonly(false), size: this.#size() }
      case 'secret':
        return this.#secret()
      case 'ssh': {
        const target = this.#text('target')
        return {
          type,
          id: this.#text('id') ?? 'default',
          target: target === undefined ? undefined : joinPath(this.#directory, target),
          required: this.#flag('required') ?? false,
          ...this.#ownership(),
        }
      }
    }
  }

  #secret(): Mount {
    const target = this.#text('target')
    const env = this.#text('env')
    const given = this.#text('id') ?? this.#text('source')
    if (this.#fields.has('id') && this.#fields.has('source')) this.#fail('a secret has an "id" or a "source", not both')
    const id = given ?? target?.slice(target.lastIndexOf('/') + 1) ?? env
    if (id === undefined || id === '') this.#fail('a secret needs an "id", a "target" or an "env"')
    const place = target ?? (env === undefined ? `/run/secrets/${id ?? ''}` : undefined)
    return {
      type: 'secret',
      id: id ?? '',
      target: place === undefined ? undefined : joinPath(this.#directory, place),
      env,
      required: this.#flag('required') ?? false,
      ...this.#ownership(),
    }
  }

  #target(): string {
    const target = this.#text('target')
    if (target === undefined || target === '') {
      this.#fail('RUN --mount needs a target', 'write target=PATH')
      return '/'
    }
    const absolute = joinPath(this.#directory, target)
    if (absolute === '/') this.#fail('RUN --mount cannot be at "/"')
    return absolute
  }

  #files(): FromFiles {
    const from = this.#text('from')
    return { source: this.#text('source') ?? '/', from: from === '' ? undefined : from }
  }

  #ownership(): Ownership {
    return { mode: this.#number('mode', 8), uid: this.#number('uid', 10), gid: this.#number('gid', 10) }
  }

  #readonly(initial: boolean): boolean {
    const writable = this.#flag('readwrite')
    const value = this.#flag('readonly')
    return value ?? (writable === undefined ? initial : !writable)
  }

  #text(name: string): string | undefined {
    return this.#fields.get(name)
  }

  #flag(name: string): boolean | undefined {
    if (!this.#fields.has(name)) return undefined
    const value = this.#fields.get(name)
    if (value === undefined || /^(?:1|t|true)$/i.test(value)) return true
    if (!/^(?:0|f|false)$/i.test(value)) this.#fail(`"${name}" is true or false, not "${value}"`)
    return false
  }

  #word<Word extends string>(name: string, words: readonly [Word, ...Word[]]): Word {
    const value = this.#fields.get(name)
    if (value === undefined) return words[0]
    const found = words.find((word) => word === value)
    if (found === undefined) this.#fail(`"${name}" cannot be "${value}"`, `it takes ${words.join(', ')}`)
    return found ?? words[0]
  }

  #number(name: string, base: 8 | 10): number | undefined {
    const value = this.#fields.get(name)
    if (value === undefined) return undefined
    const number = Number.parseInt(value, base)
    const isNumber = (base === 8 ? /^[0-7]{1,11}$/ : /^\d{1,10}$/).test(value) && number <= 0xffff_ffff
    if (!isNumber) this.#fail(`"${name}" is ${base === 8 ? 'an octal number' : 'a number'}, not "${value}"`)
    return number
  }

  #size(): number | undefined {
    const value = this.#fields.get('size')
    if (value === undefined) return undefined
    const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(value)
    if (match === null) this.#fail(`"size" is a number of bytes, not "${value}"`, 'for example 64m or 1g')
    const power = ['', 'k', 'm', 'g', 't', 'p'].indexOf((match?.[2] ?? '').toLowerCase())
    return Math.floor(Number(match?.[1] ?? 0) * 1024 ** power)
  }

  #fail(message: string, hint?: string): void {
    const said = message.startsWith('RUN') ? message : `RUN --mount: ${message}`
    this.#mistake ??= { message: said, ...(hint === undefined ? {} : { hint }) }
  }
}
