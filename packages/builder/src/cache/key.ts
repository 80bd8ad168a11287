import { createHash } from 'node:crypto'
import { compareBytes } from '../files/fs-path.ts'
import { encodeText } from '@gantry/tar'

/** What a cache key is made of. */
export type KeyField =
  | string
  | number
  | boolean
  | undefined
  | Uint8Array
  | readonly KeyField[]
  | KeyFieldList
  | { readonly [name: string]: KeyField }

/** A list of which the fields are made one after another: the same to a key as an array of them. */
export class KeyFieldList implements Iterable<KeyField> {
  readonly length: number
  readonly #fields: () => Iterable<KeyField>

  /** @param fields gives `length` fields, each time it is called */
  constructor(length: number, fields: () => Iterable<KeyField>) {
    this.length = length
    this.#fields = fields
  }

  [Symbol.iterator](): Iterator<KeyField> {
    return this.#fields()[Symbol.iterator]()
  }
}

/**
 * The sha256 of fields, in hex. Every field is framed by its kind and length, so no two lists of fields have the same
 * bytes; the members of an object are sorted.
 */
export function cacheKey(fields: KeyField): string {
  const hasher = createHash('sha256')
  // Many small updates are slow; the frames are gathered first.
  let parts: string[] = []
  const flush = (): void => {
    if (parts.length > 0) hasher.update(parts.join(''))
    parts = []
  }
  const add = (field: KeyField): void => {
    if (field === undefined) parts.push('u')
    else if (typeof field === 'boolean') parts.push(field ? 't' : 'f')
    else if (typeof field === 'number') parts.push(`n${field};`)
    else if (typeof field === 'string' && field.isWellFormed()) {
      parts.push(`s${Buffer.byteLength(field)}:`, field)
    } else if (typeof field === 'string' || field instanceof Uint8Array) {
      const bytes = typeof field === 'string' ? encodeText(field) : field
      parts.push(`b${bytes.length}:`)
      flush()
      hasher.update(bytes)
    } else if (isList(field)) {
      parts.push(`l${field.length}:`)
      for (const each of field) add(each)
    } else {
      const names = Object.keys(field).toSorted(compareBytes)
      parts.push(`o${names.length}:`)
      for (const name of names) {
        add(name)
        add(field[name])
      }
    }
    if (parts.length > 4096) flush()
  }
  add(fields)
  flush()
  return hasher.digest('hex')
}

function isList(field: object): field is readonly KeyField[] | KeyFieldList {
  return Array.isArray(field) || field instanceof KeyFieldList
}
