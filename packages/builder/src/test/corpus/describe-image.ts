import { createHash } from 'node:crypto'
import { FileView, type Image } from '@gantry/image'
import type { ImageConfig } from '@gantry/oci'
import { readTar, type TarHeader } from '@gantry/tar'
import { fill } from './write-context.ts'

/** Everything of an image that the corpus compares: its config, and its files one at a time. One line each. */
export interface ImageDescription {
  /** What the config says, without the times: lines of `field value`. */
  readonly config: readonly string[]
  /** What history says of each step. */
  readonly history: readonly string[]
  /** The files by path. */
  readonly files: ReadonlyMap<string, string>
}

/** Looks at an image: its config but for times, and every file that its layers show: type, mode, owner, links, attributes, content. */
export async function describeImage(image: Image): Promise<ImageDescription> {
  return { ...describeConfig(await image.config()), files: await describeFiles(image) }
}

/** The same of an image that has no files. */
export function describeConfig(image: ImageConfig): ImageDescription {
  const { history, config: settings, ...rest } = image
  const fields = { ...rest, ...settings }
  return {
    config: Object.entries(fields)
      .filter(([name, value]) => !uncompared.has(name) && !isNothing(value))
      .map(([name, value]) => `${name} ${canonical(value)}`)
      .toSorted(),
    history: (history ?? []).map(
      ({ created_by: by = '', empty_layer: empty }) => `${empty === true ? 'empty' : 'layer'} ${JSON.stringify(by)}`,
    ),
    files: new Map(),
  }
}

/** Times differ, layers are compared by their files, and every builder here builds for the machine that it runs on. */
const uncompared = new Set(['created', 'rootfs', 'architecture'])

/** Go writes what is not there in several ways. */
function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

async function describeFiles(image: Image): Promise<Map<string, string>> {
  const view = new FileView()
  const contents = new Map<string, string>()
  for (const [layerIndex, layer] of (await image.layers()).entries()) {
    view.nextLayer()
    let ordinal = 0
    for await (const { header, body } of readTar(await layer.openTar())) {
      const bytes = Buffer.concat(await Array.fromAsync(body))
      contents.set(`${layerIndex} ${ordinal++}`, show(bytes))
      view.apply(header)
    }
  }
  const lines = new Map<string, string>()
  for (const { path, inode } of view.files()) {
    if (path === '.') continue
    const { header, layer, ordinal, paths } = inode
    const names = [...paths].toSorted()
    const same = names.length > 1 && names[0] !== path ? ` = ${names[0] ?? ''}` : ''
    const content = header.type === 'file' && same === '' ? ` ${contents.get(`${layer} ${ordinal}`) ?? ''}` : ''
    lines.set(path, `${metadata(header)}${content}${same}`)
  }
  return lines
}

function metadata(header: TarHeader): string {
  const { type, mode, uid, gid, linkPath, xattrs = {} } = header
  const link = type === 'symlink' ? ` -> ${linkPath ?? ''}` : ''
  const device = type === 'character' || type === 'block' ? ` ${header.devMajor ?? 0}:${header.devMinor ?? 0}` : ''
  const attributes = Object.entries(xattrs)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ` ${name}=${Buffer.from(value).toString('hex')}`)
  // The mode of a symbolic link means nothing, and every writer puts something else there.
  const bits = type === 'symlink' ? '777' : (mode & 0o7777).toString(8)
  return `${type} ${bits} ${uid}:${gid}${link}${device}${attributes.join('')}`
}

function show(bytes: Buffer): string {
  const text = bytes.toString()
  if (bytes.length <= 80 && Buffer.from(text).equals(bytes)) return JSON.stringify(text)
  return `${bytes.length} bytes ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`
}

/** The description as lines; of the files only those that are not as they are in the base. `values` get their names back. */
export function linesOf(
  description: ImageDescription,
  base: ReadonlyMap<string, string>,
  values: Readonly<Record<string, string>> = {},
): string[] {
  const { config, history, files } = description
  const isOn = [...base.keys()].filter((path) => files.get(path) === base.get(path)).length > base.size / 2
  const below = isOn ? base : new Map<string, string>()
  const changed = [...files]
    .filter(([path, line]) => below.get(path) !== line)
    .map(([path, line]) => `/${path} ${line}`)
  const gone = [...below.keys()].filter((path) => !files.has(path)).map((path) => `/${path} is gone`)
  const names = Object.fromEntries(Object.entries(values).map(([name, value]) => [value, `{{${name}}}`]))
  return [...config, ...history.map((line) => `history ${line}`), ...[...changed, ...gone].toSorted()].map((line) =>
    Object.entries(names).reduce((text, [value, name]) => text.replaceAll(value, name), fill(line, {})),
  )
}
