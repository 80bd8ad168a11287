import { createHash } from 'node:crypto'
import type { Descriptor } from '@gantry/oci'
import type { Store } from '@gantry/store'
import { readTar, type TarHeader } from '@gantry/tar'

/** The first thing in which two layers differ. */
export interface LayerDifference {
  /** In the image, without a slash before it. */
  readonly path: string
  readonly what:
    | 'only in the first'
    | 'only in the second'
    | 'order'
    | 'type'
    | 'mode'
    | 'owner'
    | 'time'
    | 'size'
    | 'link target'
    | 'device'
    | 'extended attributes'
    | 'content'
  readonly first?: string
  readonly second?: string
  /** Where the contents begin to differ, in bytes. */
  readonly offset?: number
}

interface Entry {
  readonly header: TarHeader
  readonly digest: string
}

/** Finds the first difference of two uncompressed layers, by path; undefined when their entries are equal. */
export async function compareLayers(
  store: Pick<Store, 'open'>,
  first: Descriptor,
  second: Descriptor,
): Promise<LayerDifference | undefined> {
  const [before, after] = [await entriesOf(store, first), await entriesOf(store, second)]
  const paths = [...new Set([...before.keys(), ...after.keys()])].toSorted()
  for (const path of paths) {
    const [a, b] = [before.get(path), after.get(path)]
    if (b === undefined) return { path, what: 'only in the first' }
    if (a === undefined) return { path, what: 'only in the second' }
    const difference = compareHeaders(a.header, b.header)
    if (difference !== undefined) return { path, ...difference }
    if (a.digest !== b.digest) return { path, what: 'content', ...(await firstByte(store, { first, second, path })) }
  }
  const moved = [...before.keys()].find((path, index) => path !== [...after.keys()][index])
  return moved === undefined ? undefined : { path: moved, what: 'order' }
}

function compareHeaders(a: TarHeader, b: TarHeader): Omit<LayerDifference, 'path'> | undefined {
  const rows: readonly (readonly [LayerDifference['what'], string, string])[] = [
    ['type', a.type, b.type],
    ['mode', a.mode.toString(8), b.mode.toString(8)],
    ['owner', `${a.uid}:${a.gid}`, `${b.uid}:${b.gid}`],
    ['link target', a.linkPath ?? '', b.linkPath ?? ''],
    ['device', `${a.devMajor ?? 0}:${a.devMinor ?? 0}`, `${b.devMajor ?? 0}:${b.devMinor ?? 0}`],
    ['size', `${a.size} bytes`, `${b.size} bytes`],
    ['extended attributes', attributesOf(a), attributesOf(b)],
    ['time', timeOf(a), timeOf(b)],
  ]
  const found = rows.find(([, first, second]) => first !== second)
  return found === undefined ? undefined : { what: found[0], first: found[1], second: found[2] }
}

function timeOf({ mtime }: TarHeader): string {
  return new Date(Math.round(mtime * 1000)).toISOString()
}

function attributesOf({ xattrs = {} }: TarHeader): string {
  return Object.entries(xattrs)
    .map(([name, value]) => `${name}=${Buffer.from(value).toString('hex')}`)
    .toSorted()
    .join(' ')
}

async function entriesOf(store: Pick<Store, 'open'>, layer: Descriptor): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>()
  await using tar = await store.open(layer)
  for await (const { header, body } of readTar(tar)) {
    const hash = createHash('sha256')
    for await (const chunk of body) hash.update(chunk)
    entries.set(header.path, { header, digest: hash.digest('hex') })
  }
  return entries
}

/** Where two contents part, without holding either. */
async function firstByte(
  store: Pick<Store, 'open'>,
  { first, second, path }: { readonly first: Descriptor; readonly second: Descriptor; readonly path: string },
): Promise<Pick<LayerDifference, 'offset' | 'first' | 'second'>> {
  const [a, b] = [chunksOf(store, first, path), chunksOf(store, second, path)]
  let [left, right]: [Uint8Array, Uint8Array] = [new Uint8Array(), new Uint8Array()]
  let offset = 0
  try {
    for (;;) {
      if (left.length === 0) left = (await a.next()).value ?? left
      if (right.length === 0) right = (await b.next()).value ?? right
      const length = Math.min(left.length, right.length)
      if (length === 0) return { offset }
      for (let at = 0; at < length; at++) {
        if (left[at] === right[at]) continue
        return { offset: offset + at, first: shown(left, at), second: shown(right, at) }
      }
      offset += length
      left = left.subarray(length)
      right = right.subarray(length)
    }
  } finally {
    await a.return(undefined)
    await b.return(undefined)
  }
}

/** Some bytes from a place on, as text where they are. */
function shown(bytes: Uint8Array, at: number): string {
  const part = bytes.subarray(at, at + 24)
  const isText = part.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x09)
  return isText ? JSON.stringify(Buffer.from(part).toString('latin1')) : Buffer.from(part).toString('hex')
}

async function* chunksOf(
  store: Pick<Store, 'open'>,
  layer: Descriptor,
  path: string,
): AsyncGenerator<Uint8Array, undefined, undefined> {
  await using tar = await store.open(layer)
  for await (const { header, body } of readTar(tar)) {
    if (header.path !== path) continue
    // A reader may use its buffer again.
    for await (const chunk of body) if (chunk.length > 0) yield chunk.slice()
    return undefined
  }
  return undefined
}
