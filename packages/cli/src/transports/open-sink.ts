import { copy, copyAttached, saveArchive, type ArchivedImage, type AttachedSink, type CopyOptions } from '@gantry/image'
import { formatReference, isDigest, parseReference, quote } from '@gantry/oci'
import { openLayout } from '@gantry/store'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import type { ImageSink } from './image-sink.ts'
import { observed } from './observed.ts'
import { formatTransport, parseTransport, type Transport } from './parse-transport.ts'
import { clientOf, codecOf, contentOf, platformOfHost, siblingOf } from './transport-parts.ts'
import { writeWhole } from './write-whole.ts'

type FileTransport = Extract<Transport, { path: string }>

/**
 * Opens a place for images that a text of the command line names; see {@link parseTransport}. A name without a prefix is a
 * registry's, except under `localhost/`, which is the local store.
 *
 * @throws {CliError} INVALID, NOT_ROOT
 * @throws what the place throws: RegistryError, StoreError
 */
export async function openSink(context: Context, text: string): Promise<ImageSink> {
  const transport = parseTransport(text)
  switch (transport.kind) {
    case 'smart': {
      const isLocal = parseReference(transport.name).registry === 'localhost'
      return isLocal ? openStoreSink(context, transport.name) : openRegistrySink(context, transport.name)
    }
    case 'store':
      return openStoreSink(context, transport.name)
    case 'registry':
      return openRegistrySink(context, transport.name)
    case 'oci':
      return openLayoutSink(context, transport)
    case 'oci-archive':
    case 'docker-archive':
      return openArchiveSink(context, transport)
  }
}

async function openStoreSink(context: Context, text: string): Promise<ImageSink> {
  const { store } = await contentOf(context)
  const name = formatReference(tagged(`store:${text}`, text))
  const lease = store.lease('new')
  const repository: AttachedSink = {
    blobs: store,
    // Content that no name leads to would be collected: what refers to an image is kept by the index under its tag.
    referrers: undefined,
    sibling: (tag) => store.resolve(siblingOf(name, tag)),
    tagSibling: (tag, descriptor) => store.tag(siblingOf(name, tag), descriptor),
  }
  return {
    transport: { kind: 'store', name },
    label: `store:${text}`,
    name,
    repository,
    write: async (content, options) => {
      await fill(context, repository, content, options)
      await store.tag(name, content.descriptor)
    },
    [Symbol.asyncDispose]: async () => {
      await store.flush()
      await lease[Symbol.asyncDispose]()
    },
  }
}

async function openRegistrySink(context: Context, text: string): Promise<ImageSink> {
  const parsed = parseReference(text)
  const remote = clientOf(context).repository(parsed)
  const { tag, digest } = parsed
  const repository: AttachedSink = {
    blobs: remote,
    referrers: remote,
    sibling: (other) => remote.resolve(other),
    tagSibling: (other, descriptor) => remote.tag(other, descriptor),
  }
  return {
    transport: { kind: 'registry', name: text },
    label: formatTransport({ kind: 'registry', name: text }),
    // With a digest alone the content gets no tag.
    name: tag ?? digest,
    repository,
    async write(content, options) {
      const { descriptor } = content
      if (digest !== undefined && digest !== descriptor.digest) {
        throw new CliError('INVALID', `Cannot write ${descriptor.digest} as ${quote(text)}: that is another digest`)
      }
      await fill(context, repository, content, options)
      if (tag !== undefined) await remote.tag(tag, descriptor, { signal: context.signal })
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

async function openLayoutSink(context: Context, transport: FileTransport): Promise<ImageSink> {
  const layout = await openLayout(transport.path, { codec: codecOf(context), create: true })
  const { name } = transport
  const beside = (tag: string): string => (name === undefined || !name.includes(':') ? tag : siblingOf(name, tag))
  const repository: AttachedSink = {
    blobs: layout,
    referrers: layout,
    sibling: (tag) => layout.resolve(beside(tag)),
    tagSibling: (tag, descriptor) => layout.tag(beside(tag), descriptor),
  }
  return {
    transport,
    label: formatTransport(transport),
    name,
    repository,
    async write(content, options) {
      await fill(context, repository, content, options)
      if (name === undefined) await layout.list(content.descriptor)
      else await layout.tag(name, content.descriptor)
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

async function openArchiveSink(context: Context, transport: FileTransport): Promise<ImageSink> {
  const { name, path, kind } = transport
  if (path === '-' && context.out.isTerminal) {
    throw new CliError('FAILED', 'Cannot write an archive to a terminal: it is no text', { hint: 'Redirect it' })
  }
  const reference = name === undefined ? undefined : archiveName(transport, name)
  return {
    transport,
    label: formatTransport(transport),
    name,
    repository: undefined,
    async write({ source, descriptor, attached = [] }, options = {}) {
      const images: ArchivedImage[] = [{ descriptor, ...reference }]
      for (const { tag, descriptor: other } of attached) {
        images.push({ descriptor: other, ...(tag === undefined ? {} : { name: tag }) })
      }
      const archive = saveArchive(images, {
        source: observed(source, options.onProgress),
        kind: kind === 'oci-archive' ? 'oci' : 'docker',
        preferred: platformOfHost(),
        signal: context.signal,
      })
      await writeWhole(context, path, archive)
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

/** In an OCI archive a name is kept as it is written; Docker's archives have full names with a tag. */
function archiveName(transport: FileTransport, name: string): Pick<ArchivedImage, 'reference' | 'name'> {
  if (isDigest(name)) {
    throw new CliError(
      'INVALID',
      `Cannot write to ${quote(formatTransport(transport))}: content cannot be named by a digest`,
    )
  }
  if (transport.kind === 'oci-archive') return /[/:]/.test(name) ? { reference: fullName(name), name } : { name }
  return { reference: fullName(name) }
}

function fullName(name: string): string {
  return formatReference(parseReference(name))
}

async function fill(
  context: Context,
  repository: AttachedSink,
  { source, descriptor, attached = [] }: Parameters<ImageSink['write']>[0],
  options: CopyOptions = {},
): Promise<void> {
  const all = { signal: context.signal, ...options }
  await copy(source, repository.blobs, descriptor, all)
  await copyAttached(source, repository, attached, { ...all, codec: codecOf(context) })
}

function tagged(label: string, text: string): ReturnType<typeof parseReference> {
  const reference = parseReference(text)
  if (reference.digest === undefined) return reference
  throw new CliError('INVALID', `Cannot write to ${quote(label)}: a name in the local store has a tag, and no digest`)
}
