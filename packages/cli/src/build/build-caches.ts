import type { BuildOptions, CacheSource, CacheTarget } from '@gantry/builder'
import { resolve } from 'node:path'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { parseCsvOptions } from './parse-csv-options.ts'

/** Where a build's cache is, as `--cache-to` and `--cache-from` say it. */
export type CachePlace =
  | { readonly type: 'registry' | 'store'; readonly ref: string }
  | { readonly type: 'local'; readonly path: string; readonly tag: string }
  | { readonly type: 'inline' }

/** A place to write a cache to, with what of it. */
export interface CacheDestination {
  readonly place: CachePlace
  readonly mode: 'min' | 'max'
  readonly mounts: 'all' | readonly string[]
}

const types = 'It knows registry (ref=NAME), local (dest=DIR or src=DIR), store (ref=NAME) and inline'

/** `--cache-from type=…`, or the name of an image or cache in a registry. @throws CliError INVALID */
export function parseCacheFrom(text: string): CachePlace {
  if (!text.includes('=')) return { type: 'registry', ref: text }
  const options = parseCsvOptions('cache-from', text, ['type', 'ref', 'src', 'tag'])
  const place = placeOf('cache-from', text, options, options.get('src'))
  if (place.type !== 'inline') return place
  throw new CliError('INVALID', `Cannot read --cache-from "${text}": an inline cache is in its image`, {
    hint: 'Name the image: --cache-from type=registry,ref=IMAGE',
  })
}

/** `--cache-to type=…,mode=min|max,mounts=all|ID;ID`, or a name in a registry. @throws CliError INVALID */
export function parseCacheTo(text: string): CacheDestination {
  if (!text.includes('=')) return { place: { type: 'registry', ref: text }, mode: 'max', mounts: [] }
  const options = parseCsvOptions('cache-to', text, ['type', 'ref', 'dest', 'tag', 'mode', 'mounts'])
  const mode = options.get('mode') ?? 'max'
  if (mode !== 'min' && mode !== 'max') {
    throw new CliError('INVALID', `Cannot read --cache-to "${text}": mode is min or max, not "${mode}"`)
  }
  const mounts = options.get('mounts') ?? ''
  return {
    place: placeOf('cache-to', text, options, options.get('dest')),
    mode,
    mounts: mounts === 'all' ? 'all' : mounts.split(';').filter((id) => id !== ''),
  }
}

function placeOf(
  flag: string,
  text: string,
  options: ReadonlyMap<string, string>,
  directory: string | undefined,
): CachePlace {
  const type = options.get('type') ?? 'registry'
  const ref = options.get('ref') ?? ''
  switch (type) {
    case 'inline':
      return { type }
    case 'registry':
    case 'store':
      if (ref !== '') return { type, ref }
      throw new CliError('INVALID', `Cannot read --${flag} "${text}": it has no ref`, { hint: types })
    case 'local':
      if (directory !== undefined && directory !== '') {
        return { type, path: resolve(directory), tag: options.get('tag') ?? 'latest' }
      }
      throw new CliError('INVALID', `Cannot read --${flag} "${text}": it has no directory`, { hint: types })
    default:
      throw new CliError('INVALID', `Cannot read --${flag} "${text}": there is no type "${type}"`, { hint: types })
  }
}

/** What a build is told of its caches. */
export function cacheOptions(
  context: Context,
  flags: { readonly 'cache-from': readonly string[]; readonly 'cache-to': readonly string[] },
): Pick<BuildOptions, 'cacheFrom' | 'cacheTo' | 'inlineCache'> {
  const destinations = flags['cache-to'].map(parseCacheTo)
  return {
    cacheFrom: flags['cache-from'].map((text) => sourceOf(context, text, parseCacheFrom(text))),
    cacheTo: destinations.flatMap((each) => targetOf(context, each) ?? []),
    inlineCache: destinations.some(({ place }) => place.type === 'inline'),
  }
}

function sourceOf(context: Context, label: string, place: CachePlace): CacheSource {
  return {
    label: labelOf(label, place),
    async open() {
      if (place.type === 'local') {
        const layout = await openLayoutAt(context, place.path)
        const descriptor = await layout.resolve(place.tag)
        return descriptor === undefined ? undefined : { descriptor, blobs: layout }
      }
      const { openSource } = await import('../transports/open-source.ts')
      const source = await openSource(context, transportOf(place))
      context.defer(async () => source[Symbol.asyncDispose]())
      return { descriptor: source.descriptor, blobs: source.blobs }
    },
  }
}

function targetOf(context: Context, { place, mode, mounts }: CacheDestination): CacheTarget | undefined {
  if (place.type === 'inline') return undefined
  return {
    label: labelOf('', place),
    mode,
    mounts,
    async write({ descriptor, source }) {
      if (place.type === 'local') {
        const { copy } = await import('@gantry/image')
        const layout = await openLayoutAt(context, place.path, true)
        await copy(source, layout, descriptor, { signal: context.signal })
        await layout.tag(place.tag, descriptor)
        return
      }
      const { openSink } = await import('../transports/open-sink.ts')
      await using sink = await openSink(context, transportOf(place))
      await sink.write({ source, descriptor })
    },
  }
}

function labelOf(label: string, place: CachePlace): string {
  return place.type === 'local' ? place.path : place.type === 'inline' ? label : place.ref
}

function transportOf(place: CachePlace): string {
  if (place.type === 'store') return `store:${place.ref}`
  return place.type === 'registry' ? `docker://${place.ref}` : ''
}

async function openLayoutAt(
  context: Context,
  path: string,
  create = false,
): Promise<Awaited<ReturnType<(typeof import('@gantry/store'))['openLayout']>>> {
  const { openLayout } = await import('@gantry/store')
  const { codecOf } = await import('../transports/transport-parts.ts')
  return openLayout(path, { codec: codecOf(context), create })
}
