import type { LayoutEntry } from '@gantry/image'
import { findLayoutEntry } from '@gantry/image'
import { formatReference, isDigest, parseReference, quote, type Descriptor } from '@gantry/oci'
import { openArchiveFile, openLayout } from '@gantry/store'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import type { ImageSource } from './image-source.ts'
import { formatTransport, parseTransport, type Transport } from './parse-transport.ts'
import { clientOf, codecOf, contentIfThere, contentOf, siblingOf } from './transport-parts.ts'

type FileTransport = Extract<Transport, { path: string }>

/**
 * Finds the image that a text of the command line names; see {@link parseTransport}. Dispose of it when its content is no
 * longer read.
 *
 * @throws {CliError} INVALID, NOT_FOUND, NOT_ROOT
 * @throws what the place throws: RegistryError, StoreError, ImageError
 */
export async function openSource(context: Context, text: string): Promise<ImageSource> {
  const transport = parseTransport(text)
  switch (transport.kind) {
    case 'smart':
      return (await openFromStore(context, transport.name, false)) ?? openFromRegistry(context, transport.name)
    case 'store':
      return (await openFromStore(context, transport.name, true)) ?? notFound(text, 'it is not in the local store')
    case 'registry':
      return openFromRegistry(context, transport.name)
    case 'oci':
      return openFromLayout(context, transport)
    case 'oci-archive':
    case 'docker-archive':
      return openFromArchive(context, transport)
  }
}

async function openFromStore(context: Context, name: string, isNeeded: boolean): Promise<ImageSource | undefined> {
  const world = isNeeded ? await contentOf(context) : await contentIfThere(context)
  if (world === undefined) return undefined
  const { store, content } = world
  let descriptor = await store.resolve(name)
  const isId = descriptor === undefined && /^(?:sha256:)?[0-9a-f]{12,64}$/.test(name)
  if (isId) descriptor = (await content.find(name)).root
  if (descriptor === undefined) return undefined
  const reference = isId || isDigest(name) ? undefined : formatReference(parseReference(name))
  const lease = store.lease([descriptor.digest])
  return {
    transport: { kind: 'store', name },
    label: `store:${name}`,
    descriptor,
    reference,
    blobs: store,
    referrers: undefined,
    sibling: async (tag) => (reference === undefined ? undefined : store.resolve(siblingOf(reference, tag))),
    [Symbol.asyncDispose]: () => lease[Symbol.asyncDispose](),
  }
}

async function openFromRegistry(context: Context, name: string): Promise<ImageSource> {
  const parsed = parseReference(name)
  const repository = clientOf(context).repository(parsed)
  const { signal } = context
  return {
    transport: { kind: 'registry', name },
    label: formatTransport({ kind: 'registry', name }),
    descriptor: await repository.find(parsed.digest ?? parsed.tag ?? 'latest', { signal }),
    reference: formatReference(parsed),
    blobs: repository,
    referrers: repository,
    sibling: (tag) => repository.resolve(tag, { signal }),
    [Symbol.asyncDispose]: async () => undefined,
  }
}

async function openFromLayout(context: Context, transport: FileTransport): Promise<ImageSource> {
  const layout = await openLayout(transport.path, { codec: codecOf(context) })
  const entries = await layout.entries()
  return {
    ...found(transport, entries, isDigestOf(transport) ? await layout.resolve(transport.name) : undefined),
    blobs: layout,
    referrers: layout,
    [Symbol.asyncDispose]: async () => undefined,
  }
}

async function openFromArchive(context: Context, transport: FileTransport): Promise<ImageSource> {
  const archive = await openArchiveFile(transport.path === '-' ? process.stdin : transport.path, {
    codec: codecOf(context),
    signal: context.signal,
  })
  try {
    return {
      ...found(transport, archive.entries, undefined),
      blobs: archive,
      referrers: archive,
      [Symbol.asyncDispose]: () => archive[Symbol.asyncDispose](),
    }
  } catch (error) {
    await archive[Symbol.asyncDispose]()
    throw error
  }
}

type Found = Pick<ImageSource, 'transport' | 'label' | 'descriptor' | 'reference' | 'sibling'>

/** The entry that is asked for, or the only one there is. */
function found(transport: FileTransport, entries: readonly LayoutEntry[], unlisted: Descriptor | undefined): Found {
  const label = formatTransport(transport)
  const entry = transport.name === undefined ? theOnly(label, entries) : findLayoutEntry(entries, transport.name)
  const descriptor = entry?.descriptor ?? unlisted
  if (descriptor === undefined) return notFound(label, `it has ${namesOf(entries)}`)
  const name = entry?.reference ?? entry?.name
  return {
    transport,
    label,
    descriptor,
    reference: entry?.reference,
    sibling: async (tag) => {
      const beside = name === undefined || !name.includes(':') ? tag : siblingOf(name, tag)
      return (findLayoutEntry(entries, beside) ?? findLayoutEntry(entries, tag))?.descriptor
    },
  }
}

function theOnly(label: string, entries: readonly LayoutEntry[]): LayoutEntry {
  // Signatures and the like are listed so that they can be found; they are not what is asked for.
  const images = entries.filter(({ name, descriptor }) => name !== undefined || descriptor.artifactType === undefined)
  const [first] = images
  if (first === undefined) return notFound(label, 'it has no image')
  if (images.every(({ descriptor }) => descriptor.digest === first.descriptor.digest)) return first
  throw new CliError('INVALID', `Cannot choose an image of ${quote(label)}: it has ${namesOf(images)}`, {
    hint: `Add the name: ${label}:NAME`,
  })
}

function isDigestOf(transport: FileTransport): transport is FileTransport & { readonly name: string } {
  return transport.name !== undefined && isDigest(transport.name)
}

const mostNames = 10

function namesOf(entries: readonly LayoutEntry[]): string {
  const names = entries.map(({ name, descriptor }) => quote(name ?? `@${descriptor.digest}`))
  if (names.length === 0) return 'no image'
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : ''
  return names.slice(0, mostNames).join(', ') + more
}

function notFound(label: string, problem: string): never {
  throw new CliError('NOT_FOUND', `Cannot find ${quote(label)}: ${problem}`)
}
