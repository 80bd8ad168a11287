import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MediaType, parsePlatform, type Descriptor } from '@gantry/oci'
import { expectCode, testCodec } from '@gantry/testing'
import { assembleImage, assembleIndex } from './assemble.ts'
import type { BlobSink, BlobSource } from './blob.ts'
import { readerOf } from './bytes.ts'
import { copy, type CopyProgress } from './copy.ts'
import { ImageError } from './errors.ts'
import { MemoryStore } from './memory-store.ts'
import { randomImage } from './random-image.ts'

const codec = testCodec()

async function twoPlatforms() {
  const source = new MemoryStore(codec)
  const manifests: Descriptor[] = []
  for (const [at, text] of ['linux/amd64', 'linux/arm64'].entries()) {
    const platform = parsePlatform(text)
    const image = await randomImage({ codec, seed: 10 + at, platform })
    await copy(image.source, source, image.descriptor)
    manifests.push({ ...image.descriptor, platform })
  }
  const index = await assembleIndex({ manifests }, { source, codec })
  await copy(index.source, source, index.descriptor)
  return { source, index: index.descriptor, manifests }
}

/** A sink that writes down the order of its puts. */
function recording(store: MemoryStore): BlobSink & { readonly puts: string[] } {
  const puts: string[] = []
  return {
    puts,
    has: (descriptor) => store.has(descriptor),
    put: async (descriptor, body, options) => {
      await store.put(descriptor, body, options)
      puts.push(descriptor.digest)
    },
  }
}

test('a copy has everything, children before parents', async () => {
  const { source, index } = await twoPlatforms()
  const store = new MemoryStore(codec)
  const sink = recording(store)
  await copy(source, sink, index)
  assert.equal(store.blobs().length, source.blobs().length)
  assert.equal(sink.puts.at(-1), index.digest)
  for (const { digest, mediaType } of store.blobs()) {
    if (mediaType !== MediaType.imageManifest) continue
    const at = sink.puts.indexOf(digest)
    assert.ok(at > 2, 'a manifest comes after its config and layers')
  }
})

test('a copy for a platform takes the whole index and only that image', async () => {
  const { source, index, manifests } = await twoPlatforms()
  const sink = new MemoryStore(codec)
  await copy(source, sink, index, { platform: parsePlatform('linux/arm64') })
  assert.ok(await sink.has(index))
  assert.ok(await sink.has(manifests[1]!))
  assert.ok(!(await sink.has(manifests[0]!)))
})

test('a sparse copy leaves out images the source does not have', async () => {
  const { source, index, manifests } = await twoPlatforms()
  const partial = new MemoryStore(codec)
  await copy(source, partial, index, { platform: parsePlatform('linux/arm64') })
  await expectCode(copy(partial, new MemoryStore(codec), index), 'BLOB_UNKNOWN')
  const sink = new MemoryStore(codec)
  await copy(partial, sink, index, { sparse: true })
  assert.ok(await sink.has(manifests[1]!))
})

test('what the sink has is skipped, and progress says so', async () => {
  const image = await randomImage({ codec, seed: 3, layers: 3 })
  const store = new MemoryStore(codec)
  await copy(image.source, store, image.descriptor)
  const sink = recording(store)
  const states: CopyProgress[] = []
  await copy(image.source, sink, image.descriptor, { onProgress: (progress) => states.push(progress) })
  assert.deepEqual(sink.puts, [])
  assert.deepEqual(new Set(states.map((each) => each.state)), new Set(['exists']))
})

test('progress counts the bytes of each blob up to its size', async () => {
  const image = await randomImage({ codec, seed: 4, layerBytes: 600_000 })
  const last = new Map<string, CopyProgress>()
  const onProgress = (progress: CopyProgress): unknown => last.set(progress.descriptor.digest, progress)
  await copy(image.source, new MemoryStore(codec), image.descriptor, { onProgress })
  assert.equal(last.size, 4)
  for (const { descriptor, state, bytes } of last.values()) assert.deepEqual([state, bytes], ['done', descriptor.size])
})

test('a blob that is there several times moves once', async () => {
  const { source, descriptor } = await randomImage({ codec, seed: 5, layers: 1 })
  const sink = recording(new MemoryStore(codec))
  const manifests = [descriptor, descriptor]
  const index = await assembleIndex({ manifests }, { source, codec })
  await copy(index.source, sink, index.descriptor)
  assert.equal(sink.puts.length, new Set(sink.puts).size)
})

test('a sink that can mount gets no bytes of blobs', async () => {
  const image = await randomImage({ codec, seed: 6 })
  const sink = recording(new MemoryStore(codec))
  const mounted: Descriptor[] = []
  const mount = async (descriptor: Descriptor, from: BlobSource): Promise<boolean> => {
    if (from !== image.source) return false
    mounted.push(descriptor)
    return true
  }
  await copy(image.source, { ...sink, mount }, image.descriptor)
  assert.equal(mounted.length, 3)
  assert.deepEqual(sink.puts, [image.descriptor.digest])
})

test('layers that may not be distributed stay at their URLs', async () => {
  const image = await randomImage({ codec, seed: 7, layers: 2 })
  const [base, top] = await image.layers()
  const foreign = { ...base!.descriptor, mediaType: MediaType.nondistributableTar, urls: ['https://example.com/layer'] }
  const config = await image.config()
  const parts = { config, layers: [{ ...base!, descriptor: foreign }, top!] }
  const changed = await assembleImage(parts, { source: image.source, codec })
  const sink = new MemoryStore(codec)
  await copy(changed.source, sink, changed.descriptor)
  assert.ok(!(await sink.has(base!.descriptor)))
  assert.ok(await sink.has(top!.descriptor))
})

test('at most so many blobs move at once', async () => {
  const image = await randomImage({ codec, seed: 8, layers: 9 })
  let now = 0
  let most = 0
  const sink: BlobSink = {
    put: async (_descriptor, body) => {
      most = Math.max(most, ++now)
      for await (const chunk of body) void chunk
      await new Promise((resolve) => setTimeout(resolve, 2))
      now--
    },
  }
  await copy(image.source, sink, image.descriptor, { concurrency: 3 })
  assert.equal(most, 3)
})

test('an error says which side failed', async (context) => {
  const image = await randomImage({ codec, seed: 9 })
  const [layer] = await image.layers()
  const isLayer = (descriptor: Descriptor): boolean => descriptor.digest === layer!.descriptor.digest

  await context.test('the source, when a blob is missing', async () => {
    image.source.delete(layer!.descriptor.digest)
    const failing = copy(image.source, new MemoryStore(codec), image.descriptor)
    await assert.rejects(failing, { code: 'BLOB_UNKNOWN', side: 'source' })
  })
  await context.test('the source, when its stream breaks', async () => {
    const broken: BlobSource = {
      open: async (descriptor, options) => {
        if (!isLayer(descriptor)) return image.source.open(descriptor, options)
        const stream = {
          // oxlint-disable-next-line require-yield
          async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
            throw new Error('the cable was cut')
          },
          async [Symbol.asyncDispose]() {},
        }
        return { size: descriptor.size, ...stream }
      },
    }
    const failing = copy(broken, new MemoryStore(codec), image.descriptor)
    await assert.rejects(failing, { code: 'COPY_FAILED', side: 'source' })
  })
  await context.test('the source, when the sink finds that its bytes are wrong', async () => {
    const lying: BlobSource = {
      open: async (descriptor, options) => {
        if (!isLayer(descriptor)) return image.source.open(descriptor, options)
        return readerOf(new Uint8Array(descriptor.size))
      },
    }
    const failing = copy(lying, new MemoryStore(codec), image.descriptor)
    await assert.rejects(failing, { code: 'DIGEST_MISMATCH', side: 'source' })
  })
  await context.test('the sink, when it is full', async () => {
    const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
    const sink: BlobSink = { put: () => Promise.reject(full) }
    const error = await copy(
      (await randomImage({ codec })).source,
      sink,
      (await randomImage({ codec })).descriptor,
    ).then(
      () => assert.fail(),
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof ImageError)
    assert.deepEqual([error.code, error.side, error.cause], ['COPY_FAILED', 'sink', full])
  })
})

test('a failure stops the others before it is told', async () => {
  const image = await randomImage({ codec, seed: 20, layers: 4 })
  const [first] = await image.layers()
  let open = 0
  const sink: BlobSink = {
    put: async (descriptor, _body, options) => {
      if (descriptor.digest === first!.descriptor.digest) throw new Error('broken')
      open++
      const { promise, reject } = Promise.withResolvers<void>()
      options?.signal?.addEventListener('abort', () => {
        open--
        reject(options.signal?.reason)
      })
      await promise
    },
  }
  await assert.rejects(copy(image.source, sink, image.descriptor), { side: 'sink' })
  assert.equal(open, 0)
})

test('an abort ends a copy with its reason', async () => {
  const image = await randomImage({ codec, seed: 21 })
  const controller = new AbortController()
  const reason = new Error('enough')
  const sink: BlobSink = {
    put: async (_descriptor, body) => {
      controller.abort(reason)
      for await (const chunk of body) void chunk
    },
  }
  await assert.rejects(copy(image.source, sink, image.descriptor, { signal: controller.signal }), reason)
  await assert.rejects(copy(image.source, sink, image.descriptor, { signal: controller.signal }), reason)
})

test('indexes that nest without end are not followed', async () => {
  const source = new MemoryStore(codec)
  const image = await randomImage({ codec, seed: 30 })
  await copy(image.source, source, image.descriptor)
  let descriptor = image.descriptor
  for (let depth = 0; depth < 9; depth++) {
    const index = await assembleIndex({ manifests: [descriptor] }, { source, codec })
    const copying = copy(index.source, source, index.descriptor)
    // Seven may stand above an image.
    if (depth < 7) await copying
    else return expectCode(copying, 'MANIFEST_UNKNOWN')
    descriptor = index.descriptor
  }
})

test('the blob of a failure is named once', async () => {
  const image = await randomImage({ codec, seed: 31 })
  const broken: BlobSource = { open: async () => readerOf(new Uint8Array(3)) }
  await assert.rejects(copy(broken, new MemoryStore(codec), image.descriptor), (error: Error) => {
    assert.equal(error.message.split(image.descriptor.digest).length, 2, error.message)
    return true
  })
})
