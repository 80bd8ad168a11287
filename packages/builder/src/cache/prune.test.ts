import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseDigest } from '@gantry/oci'
import { after, before, beforeEach, describe, test } from 'node:test'
import { World } from '../test/world.ts'
import { CacheMounts } from './cache-mounts.ts'
import { type CacheEntry, listCache } from './list-cache.ts'
import { pruneCache } from './prune-cache.ts'

describe('pruning the build cache', () => {
  let world: World
  before(async () => {
    world = await World.open()
  })
  after(() => world[Symbol.asyncDispose]())
  beforeEach(async () => {
    for (const { name } of world.store.names()) world.store.untag(name)
    await pruneCache(world.ports, { all: true })
  })

  const files = {
    Dockerfile: 'FROM scratch AS one\nCOPY a /a\nFROM scratch\nCOPY --from=one /a /b\n',
    a: 'first',
  }
  const steps = async (): Promise<CacheEntry[]> => (await listCache(world.ports)).filter(({ kind }) => kind === 'step')
  const signal = new AbortController().signal

  test('prune: layers of images stay, those of other stages go, and what is left of the cache is right', async () => {
    const { layers } = await world.build(files, { tags: ['app'] })
    assert.deepEqual(
      (await steps())
        .map(({ description, shared }) => [description, shared])
        .toSorted((a, b) => Number(b[1]) - Number(a[1])),
      [
        ['COPY --from=one /a /b', true],
        ['COPY a /a', false],
      ],
    )
    const { removed, bytes } = await pruneCache(world.ports)
    assert.deepEqual(
      removed.map(({ description }) => description),
      ['COPY a /a'],
    )
    assert.ok(bytes > 0)
    assert.ok(world.store.size(layers[0]!) !== undefined)
    await world.build(files, { tags: ['app'] })
    assert.deepEqual(
      world.steps().map(([, cached]) => cached),
      [false, true],
    )
  })

  test('prune: a collection of garbage takes nothing that the cache keeps', async () => {
    await world.build(files)
    await world.store.gc({ grace: 0 })
    await world.build(files)
    assert.deepEqual(
      world.steps().map(([, cached]) => cached),
      [true, true],
    )
  })

  test('prune: with all of it what images share is forgotten too, and the image stays whole', async () => {
    const { layers } = await world.build(files, { tags: ['app'] })
    await pruneCache(world.ports, { all: true })
    assert.deepEqual(await steps(), [])
    await world.store.gc({ grace: 0 })
    assert.ok(world.store.size(layers[0]!) !== undefined)
    world.store.untag('docker.io/library/app:latest')
    await world.store.gc({ grace: 0 })
    assert.equal(world.store.size(layers[0]!), undefined)
  })

  test('prune: a budget takes the longest unused first, an age only what is old, a dry run nothing', async () => {
    for (const name of ['x', 'y', 'z']) {
      await world.build({ Dockerfile: `FROM scratch\nCOPY f /${name}\n`, f: name.repeat(100_000) })
      const old = Date.now() - { x: 3, y: 2, z: 1 }[name]! * 3_600_000
      world.state.prepare('UPDATE builder_steps SET used = ? WHERE instruction = ?').run(old, `COPY f /${name}`)
    }
    const descriptions = ({ removed }: { removed: readonly CacheEntry[] }): string[] =>
      removed.map(({ description }) => description)
    const old = { unusedFor: 2.5 * 3_600_000, dryRun: true }
    assert.deepEqual(descriptions(await pruneCache(world.ports, old)), ['COPY f /x'])
    assert.equal((await steps()).length, 3)
    assert.deepEqual(descriptions(await pruneCache(world.ports, { keepBytes: 250_000 })), ['COPY f /x'])
    assert.deepEqual(descriptions(await pruneCache(world.ports, { keepBytes: 0 })), ['COPY f /y', 'COPY f /z'])
  })

  test('prune: a build that runs keeps what it found', async () => {
    const { layers } = await world.build(files)
    const [first] = await steps()
    await using lease = world.store.lease('new')
    await world.store.has({ mediaType: '', digest: parseDigest(first!.id), size: first!.size })
    lease.add(layers[0]!)
    await pruneCache(world.ports)
    assert.ok(world.store.size(parseDigest(first!.id)) !== undefined)
  })

  test('prune: a cache mount that is in use stays, shared or not', async () => {
    const mounts = new CacheMounts(world.root)
    for (const sharing of ['shared', 'locked', 'private'] as const) {
      const held = await mounts.acquire({ id: sharing, sharing }, { namespace: '', signal })
      writeFileSync(join(held.path, 'f'), 'x'.repeat(10_000))
      assert.deepEqual((await pruneCache(world.ports)).removed, [], sharing)
      assert.ok(existsSync(join(held.path, 'f')))
      held[Symbol.dispose]()
      const { removed, bytes } = await pruneCache(world.ports)
      assert.deepEqual(
        removed.map(({ kind, description }) => [kind, description]),
        [['mount', sharing]],
      )
      assert.ok(bytes >= 10_000)
      assert.ok(!existsSync(held.path))
    }
  })

  test('cache mount: it is new until it was filled, for one at a time', async () => {
    const mounts = new CacheMounts(world.root)
    const acquire = (): ReturnType<CacheMounts['acquire']> =>
      mounts.acquire({ id: 'filled', sharing: 'shared' }, { namespace: '', signal })
    const killed = await acquire()
    // As a build leaves it that was killed while it copied.
    mkdirSync(`${killed.path}.import-x/half`, { recursive: true })
    const waiting = acquire()
    killed[Symbol.dispose]()
    const filler = await waiting
    assert.deepEqual([killed.isNew, filler.isNew, existsSync(`${killed.path}.import-x`)], [true, true, false])
    const later = acquire()
    writeFileSync(join(filler.path, 'f'), '')
    filler.filled()
    assert.equal((await later).isNew, false)
    for (const held of [filler, await later]) held[Symbol.dispose]()
    using again = await acquire()
    assert.equal(again.isNew, false)
  })

  test('prune: digests of files go only with all of it', async () => {
    const context = world.context(files)
    // What changed just now is not remembered.
    await new Promise((resolve) => setTimeout(resolve, 200))
    await world.build(context)
    const digests = async (): Promise<number> =>
      (await listCache(world.ports)).filter(({ kind }) => kind === 'digests').length
    assert.equal(await digests(), 1)
    await pruneCache(world.ports)
    assert.equal(await digests(), 1)
    await pruneCache(world.ports, { all: true })
    assert.equal(await digests(), 0)
  })
})
