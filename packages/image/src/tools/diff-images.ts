import type { Descriptor, Digest, ImageConfig } from '@gantry/oci'
import type { TarHeader } from '@gantry/tar'
import type { Codec } from '../codec.ts'
import type { Image } from '../image.ts'
import type { FileView, Inode } from './file-view.ts'
import { hashFiles, type WantedFiles } from './hash-files.ts'
import { readFiles } from './read-files.ts'
import { sameAttributes } from './same-metadata.ts'

/** A field of the configuration that differs; what is undefined is not there. */
export interface FieldDifference {
  /** Such as `architecture`, `config.Env.PATH`, `config.Labels["a.b"]` or `history[2].created_by`. */
  readonly field: string
  readonly before: unknown
  readonly after: unknown
}

/** A layer of one of two images, or of both. */
export interface LayerDifference {
  readonly in: 'both' | 'first' | 'second'
  readonly diffId: Digest
  readonly descriptor: Descriptor
}

/** What of a file can differ. */
export type FileAspect = 'type' | 'mode' | 'owner' | 'size' | 'content' | 'link' | 'device' | 'xattrs' | 'mtime'

/** A file as it is in one image. */
export interface FileState {
  readonly header: TarHeader
  /** Of its content; files only. */
  readonly digest?: Digest
}

/** A file that differs. */
export interface FileDifference {
  readonly kind: 'added' | 'removed' | 'changed'
  readonly path: string
  readonly aspects: readonly FileAspect[]
  readonly before?: FileState
  readonly after?: FileState
}

/** Everything in which two images differ. */
export interface ImageDifference {
  readonly isSame: boolean
  readonly config: readonly FieldDifference[]
  readonly layers: readonly LayerDifference[]
  /** In order of their paths; absent when they were not asked for. */
  readonly files?: readonly FileDifference[]
}

/** How images are compared. */
export interface DiffImagesOptions {
  readonly codec: Codec
  /** Whether the files are compared, for which the layers are read. True by default. */
  readonly files?: boolean
  /** Whether a file whose time alone differs counts. False by default. */
  readonly times?: boolean
  readonly signal?: AbortSignal
}

/**
 * Compares two images: the fields of their configurations, their layers, and the files they show. Layers are streamed; only files
 * that are not the same entry of the same layer are hashed.
 *
 * @throws as `readFiles`
 */
export async function diffImages(first: Image, second: Image, options: DiffImagesOptions): Promise<ImageDifference> {
  const [before, after] = await Promise.all([first.config(), second.config()])
  const config = diffValues(comparable(before), comparable(after), '')
  const layers = await diffLayers(first, second)
  const sameLayers = layers.every((layer) => layer.in === 'both')
  const files = options.files === false ? undefined : sameLayers ? [] : await diffFiles(first, second, options)
  const isSame = config.length === 0 && sameLayers && (files === undefined || files.length === 0)
  return { isSame, config, layers, ...(files === undefined ? {} : { files }) }
}

/** Without what the layers say already, and variables by their names. */
function comparable(whole: ImageConfig): unknown {
  const { rootfs: _rootfs, ...config } = whole
  const env = config.config?.Env
  if (env === undefined) return config
  const entries = env.map((each): [string, string] => {
    const at = each.indexOf('=')
    return at < 0 ? [each, ''] : [each.slice(0, at), each.slice(at + 1)]
  })
  return { ...config, config: { ...config.config, Env: Object.fromEntries(entries) } }
}

function diffValues(before: unknown, after: unknown, field: string): FieldDifference[] {
  if (isPlain(before) && isPlain(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted()
    return keys.flatMap((key) => diffValues(before[key], after[key], join(field, key)))
  }
  if (field === 'history' && Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length)
    return Array.from({ length }, (_, at) => diffValues(before[at], after[at], `${field}[${at}]`)).flat()
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ field, before, after }]
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function join(field: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${field}[${JSON.stringify(key)}]`
  return field === '' ? key : `${field}.${key}`
}

async function diffLayers(first: Image, second: Image): Promise<LayerDifference[]> {
  const [before, after] = await Promise.all([first.layers(), second.layers()])
  let shared = 0
  while (before[shared] !== undefined && before[shared]?.diffId === after[shared]?.diffId) shared++
  const list = (layers: typeof before, side: LayerDifference['in']): LayerDifference[] =>
    layers.map(({ diffId, descriptor }) => ({ in: side, diffId, descriptor }))
  return [
    ...list(before.slice(0, shared), 'both'),
    ...list(before.slice(shared), 'first'),
    ...list(after.slice(shared), 'second'),
  ]
}

interface Pair {
  readonly path: string
  readonly before: Inode | undefined
  readonly after: Inode | undefined
}

async function diffFiles(first: Image, second: Image, options: DiffImagesOptions): Promise<FileDifference[]> {
  const reading = options.signal === undefined ? {} : { signal: options.signal }
  const before = await readFiles(first, reading)
  const after = await readFiles(second, reading)
  const pairs = await unlikePairs({ image: first, view: before }, { image: second, view: after })
  const wanted = (side: 'before' | 'after'): WantedFiles => {
    const files = new Map<number, Set<number>>()
    for (const { [side]: inode } of pairs) {
      if (inode?.header.type !== 'file') continue
      const ordinals = files.get(inode.layer) ?? new Set()
      files.set(inode.layer, ordinals.add(inode.ordinal))
    }
    return files
  }
  const digests = {
    before: await hashFiles(first, wanted('before'), options),
    after: await hashFiles(second, wanted('after'), options),
  }
  const state = (side: 'before' | 'after', path: string, inode: Inode): FileState => {
    const digest = digests[side].get(`${inode.layer}:${inode.ordinal}`)
    return { header: { ...inode.header, path }, ...(digest === undefined ? {} : { digest }) }
  }
  return pairs.flatMap(({ path, before: one, after: other }): FileDifference[] => {
    if (other === undefined)
      return one === undefined ? [] : [{ kind: 'removed', path, aspects: [], before: state('before', path, one) }]
    if (one === undefined) return [{ kind: 'added', path, aspects: [], after: state('after', path, other) }]
    const states = { before: state('before', path, one), after: state('after', path, other) }
    const aspects = aspectsOf(states.before, states.after, options.times ?? false)
    return aspects.length === 0 ? [] : [{ kind: 'changed', path, aspects, ...states }]
  })
}

interface Viewed {
  readonly image: Image
  readonly view: FileView
}

/** The paths whose files are not the same entry of the same layer. */
async function unlikePairs(first: Viewed, second: Viewed): Promise<Pair[]> {
  const [before, after] = await Promise.all([first.image.layers(), second.image.layers()])
  const pairs: Pair[] = []
  for (const { path, inode } of first.view.files()) {
    const other = second.view.get(path)
    const isAlike =
      other !== undefined &&
      other.ordinal === inode.ordinal &&
      inode.ordinal >= 0 &&
      before[inode.layer]?.diffId === after[other.layer]?.diffId
    if (!isAlike) pairs.push({ path, before: inode, after: other })
  }
  for (const { path, inode } of second.view.files()) {
    if (first.view.get(path) === undefined) pairs.push({ path, before: undefined, after: inode })
  }
  return pairs.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

function aspectsOf(before: FileState, after: FileState, times: boolean): FileAspect[] {
  const [a, b] = [before.header, after.header]
  if (a.type !== b.type) return ['type']
  const differ: readonly [FileAspect, boolean][] = [
    ['mode', a.mode !== b.mode],
    ['owner', a.uid !== b.uid || a.gid !== b.gid],
    ['size', a.size !== b.size],
    ['content', before.digest !== after.digest],
    ['link', (a.linkPath ?? '') !== (b.linkPath ?? '')],
    ['device', (a.devMajor ?? 0) !== (b.devMajor ?? 0) || (a.devMinor ?? 0) !== (b.devMinor ?? 0)],
    ['xattrs', !sameAttributes(a.xattrs ?? {}, b.xattrs ?? {})],
    ['mtime', times && Math.floor(a.mtime) !== Math.floor(b.mtime)],
  ]
  return differ.flatMap(([aspect, is]) => (is ? [aspect] : []))
}
