import { ImageError, readerOf } from '@gantry/image'
import type { Codec, MemoryStore } from '@gantry/image'
import { digestAlgorithm } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import type { RegistryStorage, UploadStaging } from './storage.ts'

/** A memory store as a registry's storage, for tests. Nothing is ever collected in it. */
export function memoryStorage(store: MemoryStore, codec: Pick<Codec, 'hasher'>): RegistryStorage {
  const kept = new Map<string, Uint8Array[]>()
  const size = async (digest: Digest): Promise<number | undefined> => (await store.resolve(digest))?.size
  return {
    open: (descriptor, options) => store.open(descriptor, options),
    size,
    touch: size,
    async stage(key) {
      const chunks = (key === undefined ? undefined : kept.get(key)) ?? []
      if (key !== undefined) kept.set(key, chunks)
      return staging(store, codec, chunks, () => void (key !== undefined && kept.delete(key)))
    },
    retain: () => undefined,
    release: () => undefined,
  }
}

function staging(
  store: MemoryStore,
  codec: Pick<Codec, 'hasher'>,
  chunks: Uint8Array[],
  forget: () => void,
): UploadStaging {
  let size = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const verify = async (digest: Digest): Promise<Uint8Array> => {
    const bytes = Buffer.concat(chunks, size)
    const hasher = codec.hasher(digestAlgorithm(digest))
    await hasher.update(bytes)
    if ((await hasher.digest()) === digest) return bytes
    throw new ImageError('DIGEST_MISMATCH', `Cannot store ${digest}: the ${size} bytes that came have another digest`)
  }
  return {
    get size() {
      return size
    },
    get landed() {
      return size
    },
    write(chunk) {
      chunks.push(chunk.slice())
      size += chunk.length
    },
    flush: async () => undefined,
    verify: async (digest) => void (await verify(digest)),
    async commit({ digest }) {
      const bytes = await verify(digest)
      await store.put({ mediaType: 'application/octet-stream', digest, size }, readerOf(bytes))
      forget()
      return { digest, size }
    },
    async discard() {
      forget()
    },
    read: async (position, length) => Buffer.concat(chunks, size).subarray(position, position + length),
    async [Symbol.asyncDispose]() {},
  }
}
