import assert from 'node:assert/strict'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openContentWorld } from '@gantry/daemon'
import { collect, randomImage, validateContent, type Image } from '@gantry/image'
import { siteOf } from '@gantry/linux'
import type { Descriptor } from '@gantry/oci'
import { run } from '@gantry/process'
import { testCodec } from '@gantry/testing'
import { images } from './commands/images.ts'
import { pull } from './commands/pull.ts'
import { runCommand } from './testing/run-command.ts'
import { transportWorld } from './testing/transport-world.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root: layers are unpacked'
const codec = testCodec()

async function put(host: string, { source, descriptor, ...image }: Image, tag: string): Promise<void> {
  const bytesOf = async (blob: Descriptor): Promise<Uint8Array> => {
    await using reader = await source.open(blob)
    return (await collect(reader, blob.size)) ?? new Uint8Array()
  }
  const { config, layers } = await image.manifest()
  for (const blob of [config, ...layers]) {
    const path = `http://${host}/v2/app/blobs/uploads/?digest=${blob.digest}`
    const answer = await fetch(path, { method: 'POST', body: new Uint8Array(await bytesOf(blob)) })
    assert.equal(answer.status, 201)
  }
  const answer = await fetch(`http://${host}/v2/app/manifests/${tag}`, {
    method: 'PUT',
    headers: { 'Content-Type': descriptor.mediaType },
    body: new Uint8Array(await bytesOf(descriptor)),
  })
  assert.equal(answer.status, 201)
}

test('a tag that moves during a pull gives the image that it stood for at the start, whole', { skip }, async () => {
  await using world = await transportWorld()
  const [before, after] = await Promise.all([1, 2].map((seed) => randomImage({ codec, seed, compression: 'gzip' })))
  assert.ok(before !== undefined && after !== undefined)
  let isMoving = false
  let moved = 0
  const { host } = await world.registry(async (request) => {
    // After the tag was resolved, and before any layer was fetched.
    if (isMoving && request.method === 'GET' && request.path.includes('/blobs/') && moved++ === 0) {
      await put(host, after, 'latest')
    }
    return undefined
  })
  await put(host, before, 'latest')
  isMoving = true
  const name = `${host}/app:latest`
  await runCommand(world, pull, '--quiet', name)
  assert.ok(moved > 0)
  const inStore = async (): Promise<string | undefined> => {
    await using content = await openContentWorld(siteOf({}, { root: join(world.root) }))
    const found = await content.store.resolve(name)
    if (found !== undefined) assert.deepEqual(await validateContent(content.store, found, { codec }), [])
    return found?.digest
  }
  assert.equal(await inStore(), before.descriptor.digest)
  await runCommand(world, pull, '--quiet', name)
  assert.equal(await inStore(), after.descriptor.digest)
})

test('a pull onto a full disk says so, names nothing, and goes on when there is room', { skip }, async () => {
  await using world = await transportWorld()
  await using stack = new AsyncDisposableStack()
  mkdirSync(world.root)
  await run('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'none', world.root])
  stack.defer(async () => void (await run('umount', [world.root])))
  const image = await randomImage({ codec, seed: 3, layers: 2, layerBytes: 8_000_000, compression: 'gzip' })
  const ranges: string[] = []
  const { host } = await world.registry(async (request) => {
    ranges.push(request.header('range') ?? '')
    return undefined
  })
  await put(host, image, 'latest')
  const name = `${host}/app:latest`
  await runCommand(world, images)
  const free = (): number => {
    const { bavail, bsize } = statfsSync(world.root)
    return bavail * bsize
  }
  // Room for the blobs, and for some of what is in them, or for some of the blobs only. What was unpacked goes at once; bytes that have
  // come are kept, since fetching them again would not make it any better.
  for (const room of [22_000_000, 6_000_000]) {
    const filler = join(world.root, 'filler')
    writeFileSync(filler, Buffer.alloc(free() - room))
    await assert.rejects(runCommand(world, pull, '--quiet', name), /Cannot pull "[^"]*app:latest": .*full/)
    rmSync(filler)
    await using content = await openContentWorld(siteOf({}, { root: world.root }))
    assert.equal(await content.store.resolve(name), undefined)
    assert.deepEqual(content.snapshots.list().layers, [])
  }
  ranges.length = 0
  await runCommand(world, pull, '--quiet', name)
  assert.ok(
    ranges.some((range) => /^bytes=[1-9]\d{5,}-/.test(range)),
    ranges.join(' '),
  )
  await using content = await openContentWorld(siteOf({}, { root: world.root }))
  assert.equal((await content.store.resolve(name))?.digest, image.descriptor.digest)
  assert.deepEqual(await validateContent(content.store, image.descriptor, { codec }), [])
  assert.equal(content.snapshots.list().layers.length, 2)
})
