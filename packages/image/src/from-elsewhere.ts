import type { BlobReader, BlobSource } from './blob.ts'

/**
 * Does the work with the source and, when the bytes turn out to be wrong, again with the same blob from elsewhere, as long as the source
 * knows where: one mirror after the other, and in the end where the blob is from.
 */
export async function fromElsewhere<T>(source: BlobSource, work: (from: BlobSource) => Promise<T>): Promise<T> {
  let open: BlobSource['open'] = (descriptor, options) => source.open(descriptor, options)
  for (;;) {
    let again: BlobReader['again']
    const from: BlobSource = {
      async open(descriptor, options) {
        const reader = await open(descriptor, options)
        again = reader.again ?? again
        return reader
      },
    }
    try {
      return await work(from)
    } catch (error) {
      const next = again
      if (next === undefined || !isWrongBytes(error)) throw error
      open = (_descriptor, options) => next(options)
    }
  }
}

const codes: readonly unknown[] = ['DIGEST_MISMATCH', 'SIZE_MISMATCH', 'DIGEST_INVALID', 'SIZE_INVALID']

/** Whoever verified them: this side, or the registry that they were sent to. */
function isWrongBytes(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return codes.includes(Reflect.get(error, 'code')) || isWrongBytes(error.cause)
}
