import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createCodec } from '@gantry/codec'
import { assembleIndex, convertImage, copy, MemoryStore, randomImage, readerOf } from '@gantry/image'
import { encodeJson, MediaType, parsePlatform, type Descriptor } from '@gantry/oci'
import { openLayout } from '@gantry/store'
import { describeContent } from '@gantry/testing'
import { transportWorld } from '../testing/transport-world.ts'
import { copyImage, type CopyImageOptions } from './copy-image.ts'
import { openSink } from './open-sink.ts'
import { openSource } from './open-source.ts'

const codec = createCodec()
const world = await transportWorld()
const [here, there] = [await world.registry(), await world.registry()]
after(async () => {
  await world[Symbol.asyncDispose]()
  await codec.close()
})

async function put(store: MemoryStore, document: object, mediaType: string): Promise<Descriptor> {
  const bytes = encodeJson(document)
  const descriptor = describeContent(bytes, { mediaType })
  await store.put(descriptor, readerOf(bytes))
  return descriptor
}

/** One of each kind of content, all in one store. */
async function contents(): Promise<{ store: MemoryStore; roots: Record<string, Descriptor> }> {
  const store = new MemoryStore(codec)
  const add = async (seed: number, platform: string, compression: 'gzip' | 'zstd' | 'none'): Promise<Descriptor> => {
    const image = await randomImage({ codec, seed, platform: parsePlatform(platform), compression, layers: 2 })
    await copy(image.source, store, image.descriptor)
    return { ...image.descriptor, platform: parsePlatform(platform) }
  }
  const image = await add(1, 'linux/amd64', 'gzip')
  const plain = await add(2, 'linux/amd64', 'none')
  const docker = await convertImage({ source: store, descriptor: image }, { codec, format: 'docker', spool: store })
  await copy(docker.source, store, docker.descriptor)
  const platforms = [image, await add(3, 'linux/arm64', 'gzip'), await add(4, 'linux/arm/v7', 'zstd')]
  const index = await assembleIndex({ manifests: platforms }, { source: store, codec })
  await copy(index.source, store, index.descriptor)
  const nested = await assembleIndex({ manifests: [index.descriptor, plain] }, { source: store, codec })
  await copy(nested.source, store, nested.descriptor)
  const empty = await put(store, {}, MediaType.emptyJson)
  const artifact = await put(
    store,
    {
      schemaVersion: 2,
      mediaType: MediaType.imageManifest,
      artifactType: 'application/x-thing',
      config: empty,
      layers: [empty],
    },
    MediaType.imageManifest,
  )
  return {
    store,
    roots: { image, plain, docker: docker.descriptor, index: index.descriptor, nested: nested.descriptor, artifact },
  }
}

const { store, roots } = await contents()
const master = await openLayout(world.path('master'), { codec, create: true })
for (const [name, descriptor] of Object.entries(roots)) {
  await copy(store, master, descriptor)
  await master.tag(name, descriptor)
}

function copyAs(from: string, to: string, options: CopyImageOptions = {}): ReturnType<typeof copyImage> {
  return world
    .command(async (context) => {
      await using source = await openSource(context, from)
      await using sink = await openSink(context, to)
      return await copyImage(context, { source, sink }, options)
    })
    .then(({ result }) => result)
}

/** Reads everything that the text leads to, verified, and answers what it is. */
async function readBack(text: string): Promise<Descriptor> {
  const { result } = await world.command(async (context) => {
    await using source = await openSource(context, text)
    await copy(source.blobs, new MemoryStore(codec), source.descriptor)
    return source.descriptor
  })
  return result
}

type Place = (name: string) => string

const places: Readonly<Record<string, Place>> = {
  registry: (name) => `registry:${here.host}/from/${name}:1`,
  'another registry': (name) => `docker://${there.host}/to/${name}:1`,
  store: (name) => `store:localhost/${name}:1`,
  'an OCI layout': (name) => `oci:${world.path('layout')}:${name}`,
  'an OCI archive': (name) => `oci-archive:${world.path(`${name}.oci.tar`)}:localhost/${name}:1`,
  'a docker archive': (name) => `docker-archive:${world.path(`${name}.docker.tar`)}:localhost/${name}:1`,
}

const exact: CopyImageOptions = { all: true, preserveDigests: true }

for (const [from, place] of Object.entries(places)) {
  describe(`what is copied from ${from} is the same content at the other end`, () => {
    before(async () => {
      for (const name of Object.keys(roots)) await copyAs(`oci:${master.path}:${name}`, place(`${name}-a`), exact)
    })
    for (const [to, other] of Object.entries(places)) {
      test(to, async () => {
        for (const [name, descriptor] of Object.entries(roots)) {
          const end = other(`${name}-of-${from.replaceAll(' ', '-').toLowerCase()}`)
          const { descriptor: copied } = await copyAs(place(`${name}-a`), end, exact)
          assert.equal(copied.digest, descriptor.digest, name)
          assert.equal((await readBack(end)).digest, descriptor.digest, name)
        }
      })
    }
  })
}
