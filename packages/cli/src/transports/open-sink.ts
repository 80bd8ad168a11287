import { copy, type BlobSource, type CopyOptions } from '@gantry/image'
import { formatReference, parseReference, quote, type Descriptor } from '@gantry/oci'
import { openLayout } from '@gantry/store'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import type { ImageSink, SinkStore } from './image-sink.ts'
import { formatTransport, parseTransport, type Transport } from './parse-transport.ts'
import { clientOf, codecOf, contentOf, siblingOf } from './transport-parts.ts'
import { writeArchive } from './write-archive.ts'

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
  return {
    transport: { kind: 'store', name },
    label: `store:${text}`,
    name,
    store,
    referrers: undefined,
    sibling: (tag) => siblingOf(name, tag),
    write: (source, descriptor, options) => writeTo(store, name, { source, descriptor, options }),
    [Symbol.asyncDispose]: async () => {
      await store.flush()
      await lease[Symbol.asyncDispose]()
    },
  }
}

async function openRegistrySink(context: Context, text: string): Promise<ImageSink> {
  const parsed = parseReference(text)
  const repository = clientOf(context).repository(parsed)
  const { tag, digest } = parsed
  return {
    transport: { kind: 'registry', name: text },
    label: `registry:${text}`,
    // With a digest alone the content gets no tag.
    name: tag ?? digest,
    store: repository,
    referrers: repository,
    sibling: (other) => other,
    async write(source, descriptor, options) {
      if (digest !== undefined && digest !== descriptor.digest) {
        throw new CliError('INVALID', `Cannot write ${descriptor.digest} as ${quote(text)}: that is another digest`)
      }
      await writeTo(repository, tag, { source, descriptor, options })
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

async function openLayoutSink(context: Context, transport: FileTransport): Promise<ImageSink> {
  const layout = await openLayout(transport.path, { codec: codecOf(context), create: true })
  const { name } = transport
  return {
    transport,
    label: formatTransport(transport),
    name,
    store: layout,
    referrers: layout,
    sibling: (tag) => (name === undefined || !name.includes(':') ? tag : siblingOf(name, tag)),
    async write(source, descriptor, options) {
      await writeTo(layout, name, { source, descriptor, options })
      if (name === undefined) await layout.list(descriptor)
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

async function openArchiveSink(context: Context, transport: FileTransport): Promise<ImageSink> {
  const { name, path } = transport
  if (path === '-' && context.out.isTerminal) {
    throw new CliError('FAILED', 'Cannot write an archive to a terminal: it is no text', { hint: 'Redirect it' })
  }
  return {
    transport,
    label: formatTransport(transport),
    name,
    store: undefined,
    referrers: undefined,
    sibling: (tag) => tag,
    write: (source, descriptor, options = {}) => {
      const images = [
        { descriptor, ...(name === undefined ? {} : { reference: formatReference(parseReference(name)) }) },
      ]
      return writeArchive(context, path, images, { source, ...options })
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

async function writeTo(
  store: SinkStore,
  name: string | undefined,
  { source, descriptor, options }: { source: BlobSource; descriptor: Descriptor; options: CopyOptions | undefined },
): Promise<void> {
  await copy(source, store, descriptor, options)
  // The name is given last, so that it never stands for half an image.
  if (name !== undefined) await store.tag(name, descriptor)
}

function tagged(label: string, text: string): ReturnType<typeof parseReference> {
  const reference = parseReference(text)
  if (reference.digest === undefined) return reference
  throw new CliError('INVALID', `Cannot write to ${quote(label)}: a name in the local store has a tag, and no digest`)
}
