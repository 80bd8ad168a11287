import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { encodeJson, MediaType, type Descriptor } from '@gantry/oci'
import { describeContent, testCodec } from '@gantry/testing'
import type { BlobSink, BlobSource } from './blob.ts'
import { readerOf } from './bytes.ts'
import { copyAttached } from './copy-attached.ts'
import { findAttached, type AttachedSource } from './copy-referrers.ts'
import { copy } from './copy.ts'
import { MemoryStore } from './memory-store.ts'

const codec = testCodec()

/** A shape of content: how many blobs each manifest has, and which documents each index lists. */
interface Shape {
  readonly blobs: readonly (readonly number[])[]
  readonly indexes: readonly (readonly number[])[]
}

const shape: fc.Arbitrary<Shape> = fc.record({
  blobs: fc.array(fc.array(fc.nat(9), { maxLength: 4 }), { minLength: 1, maxLength: 4 }),
  indexes: fc.array(fc.array(fc.nat(20), { maxLength: 5 }), { maxLength: 5 }),
})

async function put(store: MemoryStore, value: object, mediaType: string): Promise<Descriptor> {
  const bytes = encodeJson(value)
  const descriptor = describeContent(bytes, { mediaType })
  await store.put(descriptor, readerOf(bytes))
  return descriptor
}

/** Makes the content; the last document leads to a part of it, shared blobs and indexes in indexes included. */
async function make({ blobs, indexes }: Shape): Promise<{ store: MemoryStore; root: Descriptor }> {
  const store = new MemoryStore(codec)
  const documents: Descriptor[] = []
  for (const layers of blobs) {
    const put1 = layers.map((seed) => put(store, { layer: seed }, MediaType.layerTar))
    const config = await put(store, {}, MediaType.emptyJson)
    const mediaType = MediaType.imageManifest
    documents.push(
      await put(store, { schemaVersion: 2, mediaType, config, layers: await Promise.all(put1) }, mediaType),
    )
  }
  for (const list of indexes) {
    const manifests = list.map((at) => documents[at % documents.length])
    const mediaType = MediaType.imageIndex
    documents.push(await put(store, { schemaVersion: 2, mediaType, manifests }, mediaType))
  }
  return { store, root: documents.at(-1)! }
}

test('any content is copied with everything it leads to and nothing else, however the sink breaks off before', async () => {
  await fc.assert(
    fc.asyncProperty(
      shape,
      fc.array(fc.nat(12), { maxLength: 3 }),
      fc.integer({ min: 1, max: 6 }),
      async (made, breaks, concurrency) => {
        const { store, root } = await make(made)
        const sink = new MemoryStore(codec)
        for (const after of breaks) {
          let left = after
          const breaking: BlobSink = {
            has: (descriptor) => sink.has(descriptor),
            put: async (descriptor, body, options) => {
              if (left-- <= 0) throw new Error('broken')
              await sink.put(descriptor, body, options)
            },
          }
          await copy(store, breaking, root, { concurrency }).catch(() => undefined)
          // Whatever is there has its children: a parent comes last.
          for (const each of sink.blobs()) await copy(sink, new MemoryStore(codec), each)
        }
        await copy(store, sink, root, { concurrency })
        const again = new MemoryStore(codec)
        await copy(sink, again, root)
        const names = (all: MemoryStore): string[] =>
          all
            .blobs()
            .map(({ digest }) => digest)
            .toSorted()
        assert.deepEqual(names(again), names(sink))
        let moved = 0
        await copy(store, sink, root, { onProgress: ({ state }) => (moved += state === 'exists' ? 0 : 1) })
        assert.equal(moved, 0)
      },
    ),
    { numRuns: 80 },
  )
})

test('a blob is never held as a whole between the ends', async () => {
  const chunk = 64 * 1024
  const size = 512 * chunk
  let [given, taken, most] = [0, 0, 0]
  const blob: Descriptor = { ...describeContent(new Uint8Array()), size }
  const source: BlobSource = {
    open: async () => ({
      size,
      async *[Symbol.asyncIterator]() {
        for (; given < size; given += chunk) yield new Uint8Array(chunk)
      },
      async [Symbol.asyncDispose]() {},
    }),
  }
  const sink: BlobSink = {
    put: async (_descriptor, body) => {
      for await (const piece of body) {
        taken += piece.length
        most = Math.max(most, given + chunk - taken)
        // A slow sink: the source must wait for it.
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
  await copy(source, sink, blob)
  assert.equal(taken, size)
  assert.ok(most <= 2 * chunk, String(most))
})

test('of an index with many manifests only a few are under way at once', async () => {
  const store = new MemoryStore(codec)
  const config = await put(store, {}, MediaType.emptyJson)
  const manifests: Descriptor[] = []
  for (let at = 0; at < 100; at++) {
    const document = {
      schemaVersion: 2,
      mediaType: MediaType.imageManifest,
      config,
      layers: [],
      annotations: { at: String(at) },
    }
    manifests.push(await put(store, document, MediaType.imageManifest))
  }
  const root = await put(store, { schemaVersion: 2, manifests }, MediaType.imageIndex)
  let [held, most] = [0, 0]
  const source: BlobSource = {
    open: async (descriptor, options) => {
      if (descriptor.mediaType === MediaType.imageManifest) most = Math.max(most, ++held)
      return store.open(descriptor, options)
    },
  }
  const sink: BlobSink = {
    put: async (descriptor, body) => {
      for await (const piece of body) void piece
      await new Promise((resolve) => setImmediate(resolve))
      if (descriptor.mediaType === MediaType.imageManifest) held--
    },
  }
  await copy(source, sink, root, { concurrency: 50 })
  assert.ok(most > 1 && most <= 8, String(most))
})

/** A repository whose lists say anything. */
function lyingRepository(store: MemoryStore, referrers: ReadonlyMap<string, readonly Descriptor[]>): AttachedSource {
  return {
    blobs: store,
    referrers: {
      async *referrers(digest) {
        yield* referrers.get(digest) ?? []
      },
    },
    sibling: async () => undefined,
  }
}

test('referrers that lead in a circle are each found once', async () => {
  const store = new MemoryStore(codec)
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => put(store, { name }, 'application/x-thing')))
  const circle = new Map([
    [a!.digest, [b!]],
    [b!.digest, [c!, a!]],
    [c!.digest, [a!, b!, c!]],
  ])
  const found = await findAttached(lyingRepository(store, circle), a!)
  assert.deepEqual(
    found.map(({ descriptor }) => descriptor.digest),
    [b!.digest, c!.digest],
  )
})

for (const [what, each] of [
  ['one leads to the next', 1],
  ['a list goes on for ever', Infinity],
] as const) {
  test(`referrers without end are refused: ${what}`, async () => {
    let count = 0
    const source: AttachedSource = {
      blobs: new MemoryStore(codec),
      referrers: {
        async *referrers() {
          for (let at = 0; at < each; at++) {
            yield describeContent(Buffer.from(`endless ${(count += 1)}`), { mediaType: 'application/x-thing' })
          }
        },
      },
      sibling: async () => undefined,
    }
    const root = describeContent(Buffer.from('root'))
    await assert.rejects(findAttached(source, root), { code: 'COPY_FAILED', side: 'source' })
    assert.ok(count <= 1001)
  })
}

test('an index of referrers that others write at the same time loses nobody’s', async () => {
  const store = new MemoryStore(codec)
  const subject = await put(store, { image: true }, MediaType.imageManifest)
  const config = await put(store, {}, MediaType.emptyJson)
  const signatures: Descriptor[] = []
  for (const name of ['one', 'two', 'three', 'four']) {
    const document = {
      schemaVersion: 2,
      mediaType: MediaType.imageManifest,
      config,
      layers: [],
      subject,
      annotations: { name },
    }
    signatures.push(await put(store, document, MediaType.imageManifest))
  }
  const tags = new Map<string, Descriptor>()
  const sink = {
    blobs: store,
    sibling: async (tag: string) => {
      await new Promise((resolve) => setImmediate(resolve))
      return tags.get(tag)
    },
    tagSibling: async (tag: string, descriptor: Descriptor) => {
      tags.set(tag, descriptor)
    },
  }
  await Promise.all(
    signatures.map((descriptor) => copyAttached(store, sink, [{ descriptor, subject: subject.digest }], { codec })),
  )
  const [index] = tags.values()
  const listed = JSON.parse(Buffer.from(await collectBytes(store, index!)).toString()) as { manifests: Descriptor[] }
  assert.deepEqual(
    listed.manifests.map(({ digest }) => digest).toSorted(),
    signatures.map(({ digest }) => digest).toSorted(),
  )
})

async function collectBytes(store: MemoryStore, descriptor: Descriptor): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await store.open(descriptor)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
