import type { BlobSource, CopyProgress } from '@gantry/image'

/** A source that tells what is read of it, as a copy does: an archive has no sink that could. */
export function observed(source: BlobSource, onProgress: ((progress: CopyProgress) => void) | undefined): BlobSource {
  if (onProgress === undefined) return source
  return {
    async open(descriptor, options) {
      const reader = await source.open(descriptor, options)
      const tell = (state: CopyProgress['state'], bytes: number): void =>
        onProgress({ kind: 'blob', descriptor, state, bytes })
      return {
        size: reader.size,
        async *[Symbol.asyncIterator]() {
          let bytes = 0
          tell('start', 0)
          for await (const chunk of reader) {
            bytes += chunk.length
            tell('progress', bytes)
            yield chunk
          }
          tell('done', descriptor.size)
        },
        [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
      }
    },
  }
}
