import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import * as fc from 'fast-check'
import { openLayout } from '@gantry/store'
import { World } from '../test/world.ts'
import type { CacheTarget } from './export-cache.ts'
import type { CacheSource } from './import-cache.ts'
import { encodeCacheIndex, encodeInline, parseCacheIndex, parseInline } from './portable-cache.ts'

let world: World
let other: World
before(async () => {
  world = await World.open()
  other = await World.open()
})
after(async () => {
  await world[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
})

/** A directory that a cache is written to, and read from. */
function directoryCache(options: Partial<CacheTarget> = {}): { to: CacheTarget; from: CacheSource; path: string } {
  const path = mkdtempSync(join(world.root, 'cache-'))
  const open = (): ReturnType<typeof openLayout> => openLayout(path, { codec: world.codec, create: true })
  return {
    path,
    to: {
      label: path,
      ...options,
      async write({ descriptor, source }) {
        const { copy } = await import('@gantry/image')
        const layout = await open()
        await copy(source, layout, descriptor)
        await layout.tag('cache', descriptor)
      },
    },
    from: {
      label: path,
      async open() {
        const layout = await open()
        const descriptor = await layout.resolve('cache')
        return descriptor === undefined ? undefined : { descriptor, blobs: layout }
      },
    },
  }
}

const files = {
  Dockerfile: 'FROM scratch AS one\nCOPY a /a\nFROM scratch\nCOPY --from=one /a /b\nCOPY b /c\n',
  a: 'first',
  b: 'second',
}
const fresh = async (): Promise<World> => {
  await other[Symbol.asyncDispose]()
  other = await World.open()
  return other
}

test('a cache in a directory: another machine runs nothing and gets the same image', async () => {
  const cache = directoryCache()
  const { digest } = await world.build(files, { cacheTo: [cache.to] })
  const machine = await fresh()
  const built = await machine.build(files, { cacheFrom: [cache.from], why: true })
  assert.equal(built.digest, digest)
  assert.deepEqual(
    machine.steps().map(([, cached]) => cached),
    [true, true, true],
  )
  assert.ok(machine.events.some((event) => event.kind === 'reason' && event.reason.how === 'imported'))
  // What was taken is here now.
  await machine.build(files)
  assert.deepEqual(
    machine.steps().map(([, cached]) => cached),
    [true, true, true],
  )
})

test('mode=min has the layers of the image only', async () => {
  const [small, large] = [directoryCache({ mode: 'min' }), directoryCache({ mode: 'max' })]
  await world.build(files, { cacheTo: [small.to, large.to] })
  const machine = await fresh()
  await machine.build(files, { cacheFrom: [small.from] })
  assert.deepEqual(
    machine.steps().map(([, cached]) => cached),
    [false, true, true],
  )
  assert.ok(blobsOf(small.path).length < blobsOf(large.path).length)
})

test('the same build writes the same cache, cached or not', async () => {
  const [one, two] = [directoryCache(), directoryCache()]
  await world.build(files, { cacheTo: [one.to], noCache: true })
  await world.build(files, { cacheTo: [two.to] })
  assert.deepEqual(blobsOf(one.path), blobsOf(two.path))
})

test('an inline cache travels with the image and does not depend on what was cached', async () => {
  const { digest, descriptor } = await world.build(files, { inlineCache: true, noCache: true })
  const again = await world.build(files, { buildArgs: { BUILDKIT_INLINE_CACHE: '1' } })
  assert.equal(again.digest, digest)
  const machine = await fresh()
  const image: CacheSource = { label: 'image', open: async () => ({ descriptor, blobs: world.store }) }
  await machine.build(files, { cacheFrom: [image] })
  assert.deepEqual(
    machine.steps().map(([, cached]) => cached),
    [false, true, true],
  )
})

test('a damaged cache is warned of, and never believed', async () => {
  const cache = directoryCache()
  const { digest } = await world.build(files, { cacheTo: [cache.to] })
  for (const name of blobsOf(cache.path)) {
    const path = join(cache.path, 'blobs/sha256', name)
    // Layers are the blobs that are no JSON.
    if (statSync(path).size > 0 && !isJson(path)) writeFileSync(path, Buffer.alloc(statSync(path).size, 7))
  }
  const machine = await fresh()
  const built = await machine.build(files, { cacheFrom: [cache.from] })
  assert.equal(built.digest, digest)
  assert.deepEqual(
    machine.steps().map(([, cached]) => cached),
    [false, false, false],
  )
  assert.ok(machine.events.some((event) => event.kind === 'warning' && event.rule === 'CacheImport'))
})

test('a layer under the key of another is found out', async () => {
  const cache = directoryCache()
  const { digest } = await world.build(files, { cacheTo: [cache.to] })
  const swapped: CacheSource = {
    label: 'swapped',
    async open() {
      const found = (await cache.from.open())!
      const layout = await openLayout(cache.path, { codec: world.codec })
      return {
        ...found,
        blobs: {
          async open(descriptor, options) {
            // Each layer is another's bytes, whatever its descriptor says.
            const { layers } = JSON.parse(
              Buffer.concat(await Array.fromAsync(await layout.open(found.descriptor))).toString(),
            ) as { layers: (typeof descriptor)[] }
            const at = layers.findIndex(({ digest }) => digest === descriptor.digest)
            return layout.open(at > 0 ? layers[1 + (at % (layers.length - 1))]! : descriptor, options)
          },
        },
      }
    },
  }
  const machine = await fresh()
  const built = await machine.build(files, { cacheFrom: [swapped] })
  assert.equal(built.digest, digest)
  assert.equal(machine.steps()[0]![1], false)
  assert.ok(machine.events.some((event) => event.kind === 'warning' && /the layer is sha256:/.test(event.message)))
})

test('a cache that is not there is warned of', async () => {
  await world.build({ Dockerfile: 'FROM scratch\nCOPY x /\n', x: 'no cache' }, { cacheFrom: [directoryCache().from] })
  assert.ok(world.events.some((event) => event.kind === 'warning' && event.message.startsWith('there is no cache at')))
})

test('index and annotation: what is written is read, and whatever is read is an index or none', () => {
  const hex = fc.stringMatching(/^[0-9a-f]{64}$/)
  const step = fc.record(
    {
      key: hex,
      layer: fc.nat(),
      diffId: hex.map((text) => `sha256:${text}`),
      instruction: fc.string(),
    },
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 4 }), (steps) => {
      const index = { steps, mounts: steps.map(({ layer, diffId }) => ({ id: '/c', namespace: '', layer, diffId })) }
      assert.deepEqual(parseCacheIndex(encodeCacheIndex(index as never)), index)
      const network = [{ host: 'a.example', port: 443, allowed: true }]
      const inline = steps.map(({ key, layer }) => (layer % 2 === 0 ? { key, layer } : { key, layer, network }))
      assert.deepEqual(parseInline(encodeInline(inline)), inline)
    }),
  )
  fc.assert(
    fc.property(fc.json(), fc.json(), (value, entry) => {
      const texts = [value, `{"version":1,"steps":[${entry}],"mounts":[${entry}]}`, `{"version":1,"steps":${value}}`]
      for (const text of texts) {
        assert.ok(Array.isArray(parseInline(text)))
        const found = parseCacheIndex(Buffer.from(text))
        assert.ok(found === undefined || Array.isArray(found.steps))
      }
    }),
  )
})

function blobsOf(path: string): string[] {
  return readdirSync(join(path, 'blobs/sha256')).toSorted()
}

function isJson(path: string): boolean {
  try {
    JSON.parse(readFileSync(path, 'utf8'))
    return true
  } catch {
    return false
  }
}
