import { hash } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { type KeyField, KeyFieldList } from '../cache/key.ts'
import { stepVersion } from '../cache/layer-key.ts'
import type { StepKey } from '../cache/step-key.ts'

/** A file as a key sees it: type, mode, size, target of a link, number of its hard link, and the beginning of its digest. */
export type FileOutline = readonly [
  type: string,
  mode: number,
  size: number,
  target: string | null,
  link: number | null,
  digest: string | null,
]

/** What the key of a step was made of, small enough to be kept and to be compared with another. */
export interface StepOutline {
  /** By dotted names, such as `env.PATH`. What may be secret is a digest. */
  readonly values: Readonly<Record<string, string>>
  readonly files: Readonly<Record<string, FileOutline>>
}

const fileTypes = new Set(['file', 'directory', 'symlink', 'character', 'block', 'fifo', 'socket'])
/** As the check SecretsUsedInArgOrEnv has it. */
const secretName = /(?:^|_)(?:api_?key|auth|credentials?|key|password|pword|passwd|secret|token)(?:$|_)/i
const longest = 300

/** The outline of a key. */
export function outlineOf({ fields, args }: StepKey): StepOutline {
  // Without a prototype: a file may be called `__proto__`.
  const values = Object.assign(Object.create(null) as Record<string, string>, { version: String(stepVersion) })
  const files = Object.create(null) as Record<string, FileOutline>
  const put = (name: string, field: KeyField): void => {
    if (field === undefined) return
    const pair = filePair(field)
    if (pair !== undefined) {
      const [own, children] = pair
      const directory = textOf(own[0])
      files[directory === '' ? '.' : directory] = fileOf(own)
      for (const child of children)
        files[directory === '' ? textOf(child[0]) : `${directory}/${textOf(child[0])}`] = fileOf(child)
    } else if (field instanceof Uint8Array) values[name] = `sha256:${hash('sha256', field, 'hex')}`
    else if (Array.isArray(field)) putList(name, field as readonly KeyField[])
    else if (typeof field === 'object') {
      for (const [member, each] of Object.entries(field)) put(`${name}.${member}`, each)
    } else values[name] = shortened(String(field))
  }
  const putList = (name: string, list: readonly KeyField[]): void => {
    if (name === 'env') for (const entry of list) putVariable(typeof entry === 'string' ? entry : '')
    else if (list.every((each) => typeof each !== 'object')) {
      if (list.length > 0)
        values[name] = shortened(list.map((each) => (each === undefined ? '' : String(each))).join(' '))
    } else if (name === 'mounts') {
      for (const each of list) {
        if (!Array.isArray(each)) continue
        const [type, target, ...rest] = each as readonly KeyField[]
        put(`mount.${textOf(type)} ${textOf(target)}`, ['', ...rest])
      }
    } else for (const [index, each] of list.entries()) put(list.length === 1 ? name : `${name}.${index}`, each)
  }
  const putVariable = (entry: string): void => {
    const equals = entry.indexOf('=')
    const name = equals === -1 ? entry : entry.slice(0, equals)
    const value = equals === -1 ? '' : entry.slice(equals + 1)
    const shown = secretName.test(name) ? `(hidden, ${hash('sha256', entry, 'hex').slice(0, 8)})` : shortened(value)
    values[`${args.has(name) ? 'arg' : 'env'}.${name}`] = shown
  }
  for (const [name, field] of Object.entries(fields)) put(name, field)
  return { values, files }
}

/** As it is kept. */
export function encodeOutline(outline: StepOutline): Uint8Array {
  return deflateRawSync(JSON.stringify(outline), { level: 3 })
}

/** What was kept; undefined when it cannot be read, which is as good as not being there. */
export function decodeOutline(bytes: Uint8Array): StepOutline | undefined {
  try {
    const found = JSON.parse(inflateRawSync(bytes).toString()) as Partial<StepOutline>
    return found.values === undefined || found.files === undefined ? undefined : (found as StepOutline)
  } catch {
    return undefined
  }
}

function textOf(field: KeyField): string {
  return typeof field === 'object' ? '' : String(field)
}

/** A source of files: the file or directory itself, and what is in it. */
function filePair(field: KeyField): readonly [readonly KeyField[], Iterable<readonly KeyField[]>] | undefined {
  if (!Array.isArray(field) || field.length !== 2) return undefined
  const [own, children] = field as readonly KeyField[]
  if (!isFile(own) || !(Array.isArray(children) || children instanceof KeyFieldList)) return undefined
  return [own, children as Iterable<readonly KeyField[]>]
}

function isFile(field: KeyField): field is readonly KeyField[] {
  return (
    Array.isArray(field) &&
    field.length === 9 &&
    typeof field[0] === 'string' &&
    fileTypes.has(textOf(field[1] as KeyField))
  )
}

function fileOf([, type, mode, size, target, , , link, digest]: readonly KeyField[]): FileOutline {
  return [
    textOf(type),
    Number(mode),
    Number(size),
    typeof target === 'string' ? target : null,
    typeof link === 'number' ? link : null,
    typeof digest === 'string' ? digest.slice(0, 16) : null,
  ]
}

function shortened(text: string): string {
  if (text.length <= longest) return text
  return `${text.slice(0, longest)}… (${text.length} characters, ${hash('sha256', text, 'hex').slice(0, 8)})`
}
