import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createCodec } from '@gantry/codec'
import { copy, randomImage, readerOf } from '@gantry/image'
import { encodeJson, MediaType } from '@gantry/oci'
import { blobStoreContract, describeContent, expectCode, referrersContract, tagContract } from '@gantry/testing'
import type { Fixture } from '@gantry/testing'
import { openLayout } from '../index.ts'
import type { LayoutDirectory } from '../index.ts'

const codec = createCodec()
const root = mkdtempSync(join(tmpdir(), 'gantry-layout-'))
after(async () => {
  rmSync(root, { recursive: true, force: true })
  await codec.close()
})

let count = 0
const fresh = (): string => join(root, String((count += 1)))

async function makeLayout(): Promise<Fixture<LayoutDirectory>> {
  const path = fresh()
  const store = await openLayout(path, { codec, create: true })
  return { store, [Symbol.asyncDispose]: async () => rmSync(path, { recursive: true, force: true }) }
}

blobStoreContract('a layout directory', makeLayout)
tagContract('a layout directory', makeLayout)
referrersContract('a layout directory', makeLayout)

test('names are kept as they are given, and found short or long', async () => {
  const path = fresh()
  const layout = await openLayout(path, { codec, create: true })
  const { source, descriptor } = await randomImage({ codec, seed: 1 })
  await copy(source, layout, descriptor)
  for (const name of ['1.0', 'app:2', 'any text at all', 'registry.example/app:3']) await layout.tag(name, descriptor)
  const again = await openLayout(path, { codec })
  for (const name of [
    '1.0',
    'app:2',
    'docker.io/library/app:2',
    'any text at all',
    'registry.example/app:3',
    descriptor.digest,
  ]) {
    assert.equal((await again.resolve(name))?.digest, descriptor.digest, name)
  }
  for (const name of ['2', 'app', 'app:3', 'registry.example/app'])
    assert.equal(await again.resolve(name), undefined, name)
  assert.deepEqual(
    (await again.entries()).map(({ name }) => name),
    ['1.0', 'app:2', 'any text at all', 'registry.example/app:3'],
  )
  assert.equal(await again.untag('1.0'), true)
  assert.equal(await again.untag('1.0'), false)
})

test('what others wrote into index.json stays', async () => {
  const path = fresh()
  const layout = await openLayout(path, { codec, create: true })
  const { source, descriptor } = await randomImage({ codec, seed: 2 })
  await copy(source, layout, descriptor)
  const foreign = { ...descriptor, annotations: { 'example.note': 'kept' }, 'x-member': [1] }
  await writeFile(join(path, 'index.json'), JSON.stringify({ schemaVersion: 2, 'x-top': true, manifests: [foreign] }))
  await layout.tag('mine', descriptor)
  const index = JSON.parse(await readFile(join(path, 'index.json'), 'utf8')) as { manifests: unknown[] }
  assert.equal(index.manifests.length, 2)
  assert.deepEqual(index.manifests[0], foreign)
  assert.equal(Reflect.get(index, 'x-top'), true)
})

test('many names at once, through several openings of the directory, are all there', async () => {
  const path = fresh()
  const { source, descriptor } = await randomImage({ codec, seed: 3 })
  const first = await openLayout(path, { codec, create: true })
  await copy(source, first, descriptor)
  const layouts = [first, await openLayout(path, { codec }), await openLayout(path, { codec })]
  await Promise.all(Array.from({ length: 30 }, (_, at) => layouts[at % 3]!.tag(`tag-${at}`, descriptor)))
  assert.equal((await first.entries()).length, 30)
  assert.deepEqual((await readdir(path)).toSorted(), ['blobs', 'index.json', 'oci-layout'])
})

test('the lock of a process that died is taken over', async () => {
  const path = fresh()
  const layout = await openLayout(path, { codec, create: true })
  const { source, descriptor } = await randomImage({ codec, seed: 4 })
  await copy(source, layout, descriptor)
  await writeFile(join(path, 'index.json.lock'), '1.1.00000000-0000-0000-0000-000000000000')
  await layout.tag('1', descriptor)
  assert.equal((await layout.resolve('1'))?.digest, descriptor.digest)
})

test('blobs that nothing leads to are removed, and those of referrers and names are not', async () => {
  const layout = await openLayout(fresh(), { codec, create: true })
  const [kept, gone] = [await randomImage({ codec, seed: 5 }), await randomImage({ codec, seed: 6 })]
  for (const image of [kept, gone]) await copy(image.source, layout, image.descriptor)
  await layout.tag('kept', kept.descriptor)
  await layout.tag('gone', gone.descriptor)
  const empty = encodeJson({})
  const config = describeContent(empty, { mediaType: MediaType.emptyJson })
  await layout.put(config, readerOf(empty))
  const subject = kept.descriptor
  const signature = encodeJson({ schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers: [], subject })
  const signed = describeContent(signature, { mediaType: MediaType.imageManifest })
  await layout.put(signed, readerOf(signature))
  await layout.untag('gone')
  assert.deepEqual(await layout.removeUnlisted(), { blobs: 0, bytes: 0 })
  const removed = await layout.removeUnlisted({ grace: -1000 })
  assert.equal(removed.blobs, 4)
  for (const each of [kept.descriptor, signed, config]) assert.equal(await layout.has(each), true)
  assert.equal(await layout.has(gone.descriptor), false)
})

test('what is no layout is refused, and nothing is made there', async () => {
  const file = fresh()
  await writeFile(file, 'x')
  const half = fresh()
  await mkdir(half)
  await writeFile(join(half, 'index.json'), '{}')
  const newer = fresh()
  await mkdir(newer)
  await writeFile(join(newer, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}')
  for (const [path, create, code] of [
    [fresh(), false, 'LAYOUT_INVALID'],
    [file, true, 'LAYOUT_INVALID'],
    [file, false, 'LAYOUT_INVALID'],
    [half, true, 'LAYOUT_INVALID'],
    [newer, false, 'LAYOUT_INVALID'],
  ] as const) {
    await expectCode(openLayout(path, { codec, create }), code)
  }
  assert.deepEqual(await readdir(half), ['index.json'])
})

test('an index.json that is none is said', async () => {
  const path = fresh()
  const layout = await openLayout(path, { codec, create: true })
  await writeFile(join(path, 'index.json'), '<html>')
  await assert.rejects(layout.entries(), { code: 'LAYOUT_INVALID', message: /^Cannot read ".*index\.json": / })
  await writeFile(join(path, 'index.json'), `{"schemaVersion":2,"manifests":[${' '.repeat(5 * 1024 * 1024)}]}`)
  await expectCode(layout.entries(), 'LAYOUT_INVALID')
})
