import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  bodyOf,
  directory as folder,
  file,
  imageOf,
  readAll,
  runTool,
  symlink,
  temporaryDirectory,
  testCodec,
  toolsMissing,
} from '@gantry/testing'
import { opaqueName, readTar, whiteoutName } from '@gantry/tar'
import { MemoryStore } from '../memory-store.ts'
import { openImage } from '../open-image.ts'
import { validateImage } from '../validate.ts'
import { loadArchive } from './load.ts'
import { saveDockerArchive } from './save.ts'

const codec = testCodec()
const skip = toolsMissing('umoci', 'tar') ?? false

for (const compression of ['none', 'gzip'] as const) {
  test(`umoci unpacks an image of ours, compression ${compression}`, { skip }, async () => {
    await using directory = await temporaryDirectory()
    const store = new MemoryStore(codec)
    const base = [folder('d'), file('d/gone', 'x'), file('d/kept', 'kept'), folder('e'), file('e/old', 'x')]
    const top = [file(whiteoutName('d/gone')), file(opaqueName('e')), file('e/new', 'new'), symlink('link', 'd/kept')]
    const image = await imageOf(store, [base, top], { codec, compression, config: { Cmd: ['true'] } })
    const archive = join(directory.path, 'archive.tar')
    const images = [{ reference: 'localhost/app:1', descriptor: image.descriptor }]
    await writeFile(archive, saveDockerArchive(images, { source: store }))
    await runTool('tar', ['-xf', archive, '-C', directory.path])
    await runTool('umoci', ['unpack', '--rootless', '--image', `${directory.path}:1`, join(directory.path, 'bundle')])
    const root = join(directory.path, 'bundle/rootfs')
    const listed = execFileSync('find', ['.', '-mindepth', '1', '-printf', '%P\n'], { cwd: root, encoding: 'utf8' })
    assert.deepEqual(listed.trim().split('\n').toSorted(), ['d', 'd/kept', 'e', 'e/new', 'link'])
    assert.equal(await readFile(join(root, 'link'), 'utf8'), 'kept')
  })
}

test('an image of umoci is loaded', { skip }, async () => {
  await using directory = await temporaryDirectory()
  const [layout, source] = [join(directory.path, 'layout'), join(directory.path, 'hello')]
  await writeFile(source, 'hello')
  await runTool('umoci', ['init', '--layout', layout])
  await runTool('umoci', ['new', '--image', `${layout}:localhost/peer:1`])
  await runTool('umoci', ['insert', '--rootless', '--image', `${layout}:localhost/peer:1`, source, '/hello'])
  const archive = join(directory.path, 'archive.tar')
  await runTool('tar', ['-cf', archive, '-C', layout, '.'])
  const spool = new MemoryStore(codec)
  const [loaded] = await loadArchive(bodyOf(await readFile(archive)), { spool, codec })
  assert.equal(loaded?.reference, 'localhost/peer:1')
  const image = await openImage(spool, loaded.descriptor, { codec })
  assert.deepEqual(await validateImage(image, { codec }), [])
  const [layer] = await image.layers()
  for await (const { header, body } of readTar(await layer!.openTar())) {
    assert.equal(header.path, 'hello')
    assert.equal(String(await readAll(body)), 'hello')
  }
})
