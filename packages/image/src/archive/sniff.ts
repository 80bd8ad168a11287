import type { LayerCompression } from '@gantry/oci'

/** How many bytes at the beginning tell how something is packed. */
export const sniffBytes = 6

const magics: readonly { readonly kind: LayerCompression | 'xz' | 'bzip2'; readonly bytes: readonly number[] }[] = [
  { kind: 'gzip', bytes: [0x1f, 0x8b, 0x08] },
  { kind: 'zstd', bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { kind: 'xz', bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { kind: 'bzip2', bytes: [0x42, 0x5a, 0x68] },
]

/** How what begins with these bytes is packed; `none` when it does not look packed. */
export function sniff(head: Uint8Array): LayerCompression | 'xz' | 'bzip2' {
  return magics.find(({ bytes }) => bytes.every((byte, at) => head[at] === byte))?.kind ?? 'none'
}

/** Looks at the first bytes of a stream; the body given back has them still. */
export async function peek(
  body: AsyncIterable<Uint8Array>,
  count: number,
): Promise<{ readonly head: Uint8Array; readonly body: AsyncIterable<Uint8Array> }> {
  const iterator = body[Symbol.asyncIterator]()
  const chunks: Uint8Array[] = []
  const head: number[] = []
  while (head.length < count) {
    const next = await iterator.next()
    if (next.done === true) break
    chunks.push(next.value)
    head.push(...next.value.subarray(0, count - head.length))
  }
  const whole = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value
    } finally {
      await iterator.return?.()
    }
  }
  return { head: Uint8Array.from(head), body: whole() }
}
