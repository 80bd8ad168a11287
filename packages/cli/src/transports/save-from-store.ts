import { saveArchive, selectPlatforms, type ArchivedImage, type BlobSource } from '@gantry/image'
import { parsePlatform } from '@gantry/oci'
import type { Context } from '../context.ts'
import { openSource } from './open-source.ts'
import { codecOf, platformOfHost } from './transport-parts.ts'
import { writeWhole } from './write-whole.ts'

/** What is saved, and as what. */
export interface SaveFromStoreOptions {
  /** A file, or `-` for standard output. */
  readonly output: string
  readonly compress?: 'gzip' | 'zstd' | undefined
  readonly format?: 'docker-archive' | 'oci-archive' | undefined
  readonly platform?: readonly string[]
}

/** Writes images of the local store as one archive. */
export async function saveFromStore(
  context: Context,
  names: readonly string[],
  { output, compress, format, platform = [] }: SaveFromStoreOptions,
): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const { signal } = context
  const codec = codecOf(context)
  const platforms = platform.map((text) => parsePlatform(text))
  const images: ArchivedImage[] = []
  const views: BlobSource[] = []
  for (const name of names) {
    const source = stack.use(await openSource(context, `store:${name}`))
    const whole = { source: source.blobs, descriptor: source.descriptor }
    const view = await selectPlatforms(whole, platforms, { codec, signal })
    views.push(view.source)
    images.push({
      descriptor: view.descriptor,
      ...(source.reference === undefined ? {} : { reference: source.reference }),
    })
  }
  const archive = saveArchive(images, {
    source: firstOf(views),
    kind: format === 'oci-archive' ? 'oci' : 'docker',
    preferred: platforms[0] ?? platformOfHost(),
    signal,
  })
  await writeWhole(context, output, compress === undefined ? archive : codec.compress(compress, archive))
}

/** They are all views of the one store; only the documents that are made for some are in one of them. */
function firstOf(views: readonly BlobSource[]): BlobSource {
  return {
    async open(descriptor, options) {
      let failure: unknown
      for (const view of views) {
        try {
          return await view.open(descriptor, options)
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'BLOB_UNKNOWN')) throw error
          failure = error
        }
      }
      throw failure
    },
  }
}
