import { attachedTo, copyAttached, type Artifact, type AttachedSink, type ReferrerLister } from '@gantry/image'
import {
  formatReference,
  isIndexType,
  parseIndex,
  parsePlatform,
  parseReference,
  selectPlatform,
  type Descriptor,
} from '@gantry/oci'
import { readDocument } from '@gantry/image'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import type { ImageSource } from '../transports/image-source.ts'
import { openSink } from '../transports/open-sink.ts'
import { openSource } from '../transports/open-source.ts'
import { formatTransport } from '../transports/parse-transport.ts'
import { codecOf } from '../transports/transport-parts.ts'

/** An image that something is attached to, or looked for at. */
export interface SubjectPlace extends AsyncDisposable {
  readonly source: ImageSource
  /** What is referred to: the image as it was named, or one platform of it. */
  readonly subject: Descriptor
}

/** Finds what things refer to; with a platform the manifest of an index. */
export async function openSubject(context: Context, text: string, platform: string | undefined): Promise<SubjectPlace> {
  const source = await openSource(context, text)
  const dispose = (): PromiseLike<void> => source[Symbol.asyncDispose]()
  try {
    const { descriptor, blobs } = source
    if (platform === undefined || !isIndexType(descriptor.mediaType)) {
      return { source, subject: descriptor, [Symbol.asyncDispose]: dispose }
    }
    const { manifests } = parseIndex(await readDocument(blobs, descriptor, { signal: context.signal }))
    const subject = selectPlatform(manifests, parsePlatform(platform))
    if (subject === undefined) throw new CliError('NOT_FOUND', `Cannot find ${platform} in ${source.label}`)
    return { source, subject, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** What refers to a subject, by whichever way its place tells. */
export function referrersOf(source: ImageSource, signal: AbortSignal): ReferrerLister {
  return {
    async *referrers(digest, artifactType) {
      for (const { descriptor, tag } of await attachedTo(source, digest, { signal })) {
        if (tag !== undefined) continue
        if (artifactType === undefined || descriptor.artifactType === artifactType) yield descriptor
      }
    },
  }
}

/** Writes an artifact beside its subject, and makes it found there. @throws {CliError} INVALID: an archive, or content without a name */
export async function attachArtifact(
  context: Context,
  { source, subject }: Pick<SubjectPlace, 'source' | 'subject'>,
  artifact: Artifact,
): Promise<void> {
  await using sink = await openBeside(context, source)
  const attached = [{ descriptor: artifact.descriptor, subject: subject.digest }]
  await copyAttached(artifact.source, sink.repository, attached, { codec: codecOf(context), signal: context.signal })
}

/** The repository that an image is in, to be written to. */
export async function openBeside(
  context: Context,
  source: ImageSource,
): Promise<{ readonly repository: AttachedSink } & AsyncDisposable> {
  const sink = await openSink(context, placeOf(source))
  const { repository } = sink
  if (repository !== undefined) return { repository, [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose]() }
  await sink[Symbol.asyncDispose]()
  throw unwritable(source)
}

function placeOf(source: ImageSource): string {
  const { transport, reference } = source
  if (transport.kind === 'oci-archive' || transport.kind === 'docker-archive') throw unwritable(source)
  if (transport.kind === 'oci') return formatTransport({ ...transport, name: undefined })
  if (reference === undefined) {
    throw new CliError(
      'INVALID',
      `Cannot attach to ${source.label}: what refers to content is kept beside its name, and it has none`,
      {
        hint: 'Name the image by its tag',
      },
    )
  }
  const { registry, repository, tag } = parseReference(reference)
  const name = formatReference({ registry, repository, tag: tag ?? 'latest' })
  return transport.kind === 'registry' ? `docker://${name}` : `store:${name}`
}

function unwritable(source: ImageSource): CliError {
  return new CliError('INVALID', `Cannot attach to ${source.label}: an archive is written in one go`, {
    hint: 'Copy it to a directory (oci:DIR) or a registry first',
  })
}
