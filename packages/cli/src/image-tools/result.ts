import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BlobIngester, BlobSource, ContentView } from '@gantry/image'
import { openLayout } from '@gantry/store'
import type { Descriptor, LayerCompression } from '@gantry/oci'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { choice, text } from '../flags/flag.ts'
import type { Flag } from '../flags/flag.ts'
import { copyImage } from '../transports/copy-image.ts'
import type { ImageSink } from '../transports/image-sink.ts'
import type { ImageSource } from '../transports/image-source.ts'
import { openSink } from '../transports/open-sink.ts'
import { parseTransport } from '../transports/parse-transport.ts'
import { codecOf, contentOf } from '../transports/transport-parts.ts'

/** What the help of commands that make an image says of their result. */
export const resultDetails = `The result is named with -t. A name without a prefix is in the same kind of place as the image: the local store for what
comes from there (or from a directory or archive), a registry for what comes from a registry.`

/** `--tag` of commands that make an image. */
export function tagFlag(): Flag<string | undefined> {
  return text('Where the result goes, and its name', { short: 't', type: 'destination' })
}

/** `--compression` of new layers. */
export function compressionFlag(): Flag<LayerCompression | undefined> {
  return choice('How new layers are packed: gzip, zstd or none (default: none in the local store, gzip elsewhere)', [
    'gzip',
    'zstd',
    'none',
  ])
}

/** Where the result of a command goes. */
export interface ResultPlace extends AsyncDisposable {
  readonly sink: ImageSink
  /** Takes new layers on their way. */
  readonly spool: BlobIngester & BlobSource
  /** How new layers are packed. */
  readonly compression: LayerCompression
}

/**
 * Opens the place that `-t` names, and where new layers are kept until they are there.
 *
 * @throws {CliError} INVALID: there is no name
 */
export async function openResult(
  context: Context,
  options: {
    readonly to: string | undefined
    readonly from: ImageSource | undefined
    readonly compression: LayerCompression | undefined
  },
): Promise<ResultPlace> {
  const { to, from } = options
  if (to === undefined)
    throw new CliError('INVALID', 'Cannot make an image without a name for it', { hint: 'Name it with -t' })
  const isBare = parseTransport(to).kind === 'smart'
  const sink = await openSink(
    context,
    isBare ? `${from?.transport.kind === 'registry' ? 'docker://' : 'store:'}${to}` : to,
  )
  const isLocal = sink.transport.kind === 'store'
  return {
    sink,
    spool: isLocal ? (await contentOf(context)).store : await temporarySpool(context),
    compression: options.compression ?? (isLocal ? 'none' : 'gzip'),
    [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose](),
  }
}

/** Writes what a command made to its place, and answers its descriptor there. */
export async function writeResult(
  context: Context,
  place: ResultPlace,
  { view, from }: { readonly view: ContentView; readonly from: ImageSource | undefined },
): Promise<Descriptor> {
  const source: ImageSource = {
    transport: from?.transport ?? { kind: 'store', name: place.sink.label },
    label: from?.label ?? place.sink.label,
    descriptor: view.descriptor,
    reference: undefined,
    blobs: view.source,
    referrers: undefined,
    sibling: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  }
  const { descriptor } = await copyImage(context, { source, sink: place.sink }, { all: true })
  return descriptor
}

/** Tells where a result is: a line with its name and digest, or with `quiet` the digest alone. */
export function printResult(
  context: Context,
  place: ResultPlace,
  { digest, quiet }: { digest: string; quiet: boolean },
): void {
  context.out.write(quiet ? `${digest}\n` : `${place.sink.label}@${digest}\n`)
}

async function temporarySpool(context: Context): ReturnType<typeof openLayout> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-image-'))
  context.defer(() => rm(directory, { recursive: true, force: true }))
  return openLayout(directory, { codec: codecOf(context), create: true })
}
