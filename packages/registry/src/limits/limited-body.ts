import type { WireError } from '../wire-error.ts'

/** The bytes as they come, until there are more than allowed; then it fails with the refusal. */
export async function* limitedBody(
  body: AsyncIterable<Uint8Array>,
  options: { readonly limit: number; readonly refusal: () => WireError },
): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > options.limit) throw options.refusal()
    yield chunk
  }
}
