import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  characterDevice,
  directory,
  expectCode,
  file,
  hardlink,
  imageOf,
  readAll,
  symlink,
  testCodec,
} from '@gantry/testing'
import { layerStacks } from '@gantry/testing/fuzz'
import { readTar, type TarInput } from '@gantry/tar'
import * as fc from 'fast-check'
import type { Image } from '../image.ts'
import { MemoryStore } from '../memory-store.ts'
import { validateImage } from '../validate.ts'
import { exportTar } from './export-files.ts'
import { flatten } from './flatten.ts'
import { imageTree } from './image-tree.ts'

const codec = testCodec()

async function stack(...layers: (readonly TarInput[])[]): Promise<Image> {
  return imageOf(new MemoryStore(codec), layers, { codec })
}

/** What a tar shows, content included: `path type mode uid link content`, hard links by their target. */
async function listing(tar: AsyncIterable<Uint8Array>): Promise<string[]> {
  const lines: string[] = []
  for await (const { header, body } of readTar(tar)) {
    const content = header.type === 'file' ? Buffer.from(await readAll(body)).toString() : ''
    lines.push(
      [header.path, header.type, header.mode.toString(8), header.uid, header.linkPath ?? '', content]
        .join(' ')
        .trimEnd(),
    )
  }
  return lines
}

async function paths(image: Image): Promise<string[]> {
  return (await listing(exportTar(image))).map((line) => line.split(' ').slice(0, 2).join(' '))
}

describe('the files of an image', () => {
  const rows: readonly { rule: string; layers: (readonly TarInput[])[]; expected: readonly string[] }[] = [
    {
      rule: 'a whiteout hides a file of the layers below',
      layers: [[file('a', '1'), file('b', '2')], [file('.wh.a')]],
      expected: ['b file 644 0  2'],
    },
    {
      rule: 'a whiteout hides a directory with all that is in it',
      layers: [[directory('d'), file('d/x'), directory('d/e'), file('d/e/y')], [file('.wh.d')]],
      expected: [],
    },
    {
      rule: 'a whiteout leaves what its own layer has, whichever comes first',
      layers: [[file('a', 'old')], [file('a', 'new'), file('.wh.a')]],
      expected: ['a file 644 0  new'],
    },
    {
      rule: 'an opaque directory hides what the layers below have in it, and nothing of its own layer',
      layers: [
        [directory('d'), file('d/old')],
        [directory('d'), file('d/new', '1'), file('d/.wh..wh..opq')],
      ],
      expected: ['d directory 755 0', 'd/new file 644 0  1'],
    },
    {
      rule: 'an opaque root hides everything below',
      layers: [
        [file('a'), directory('d'), file('d/x')],
        [file('.wh..wh..opq'), file('b', '1')],
      ],
      expected: ['b file 644 0  1'],
    },
    {
      rule: 'a file takes the place of a directory',
      layers: [[directory('d'), file('d/x')], [file('d', '1')]],
      expected: ['d file 644 0  1'],
    },
    {
      rule: 'a directory takes the place of a file',
      layers: [[file('d')], [directory('d', { mode: 0o700 }), file('d/x', '1')]],
      expected: ['d directory 700 0', 'd/x file 644 0  1'],
    },
    {
      rule: 'a directory that is described again takes the new metadata and keeps what is in it',
      layers: [[directory('d'), file('d/x', '1')], [directory('d', { mode: 0o711, uid: 7 })]],
      expected: ['d directory 711 7', 'd/x file 644 0  1'],
    },
    {
      rule: 'a directory that nobody describes is there, with root as its owner',
      layers: [[file('d/e/x', '1')]],
      expected: ['d directory 755 0', 'd/e directory 755 0', 'd/e/x file 644 0  1'],
    },
    {
      rule: 'a link of a layer below that an entry leads through becomes a directory, as overlayfs shows it',
      layers: [[directory('usr'), symlink('lib', 'usr')], [file('lib/x', '1')]],
      expected: ['usr directory 755 0', 'lib directory 755 0', 'lib/x file 644 0  1'],
    },
    {
      rule: 'a link of the same layer is followed',
      layers: [[directory('usr'), symlink('lib', '/usr'), file('lib/x', '1')]],
      expected: ['usr directory 755 0', 'lib symlink 777 0 /usr', 'usr/x file 644 0  1'],
    },
    {
      rule: 'a hard link survives the name it was made to',
      layers: [[file('a', 'text', { uid: 3 }), hardlink('b', 'a'), hardlink('c', 'a')], [file('.wh.a')]],
      expected: ['b file 644 3  text', 'c hardlink 644 3 b'],
    },
    {
      rule: 'a hard link keeps the old content when its target is replaced',
      layers: [[file('a', 'old'), hardlink('b', 'a')], [file('a', 'new')]],
      expected: ['b file 644 0  old', 'a file 644 0  new'],
    },
    {
      rule: 'a hard link may lead to a file of a layer below',
      layers: [[file('a', 'text')], [hardlink('b', 'a')]],
      expected: ['a file 644 0  text', 'b hardlink 644 0 a'],
    },
    {
      rule: 'devices are kept',
      layers: [[characterDevice('null', [1, 3])]],
      expected: ['null character 644 0'],
    },
  ]
  for (const { rule, layers, expected } of rows) {
    test(rule, async () => assert.deepEqual(await listing(exportTar(await stack(...layers))), expected))
  }

  test('a hard link to nothing is the layer’s fault', async () => {
    const image = await stack([hardlink('b', 'a')])
    await expectCode(readAll(exportTar(image)), 'LAYER_INVALID')
  })

  test('an entry through a file of its own layer is the layer’s fault', async () => {
    const image = await stack([file('a'), file('a/b')])
    await expectCode(readAll(exportTar(image)), 'LAYER_INVALID')
  })

  test('links that lead in a circle end', async () => {
    const image = await stack([symlink('a', 'b'), symlink('b', 'a'), file('a/x')])
    await expectCode(readAll(exportTar(image)), 'LAYER_INVALID')
  })

  test('extended attributes are kept', async () => {
    const xattrs = { 'user.a': Buffer.from('1'), 'security.capability': Buffer.from([1, 0, 255]) }
    const image = await stack([file('a', '', { xattrs })])
    for await (const { header } of readTar(exportTar(image))) {
      assert.deepEqual(
        Object.entries(header.xattrs ?? {}).map(([name, value]) => [name, [...value]]),
        [
          ['security.capability', [1, 0, 255]],
          ['user.a', [49]],
        ],
      )
    }
  })
})

describe('imageTree', () => {
  test('tells what each layer adds, changes and deletes, and the bytes nobody sees', async () => {
    const image = await stack(
      [directory('d'), file('d/a', '12345'), file('d/b', '123'), file('c', '1')],
      [directory('d'), file('d/a', '1234567'), file('d/.wh.b')],
    )
    const changes: string[] = []
    const tree = await imageTree(image, {
      onChange: ({ kind, path }, layer) => changes.push(`${layer} ${kind} ${path}`),
    })
    assert.deepEqual(changes.slice(4), ['1 unchanged d', '1 changed d/a', '1 deleted d/b'])
    assert.deepEqual(
      tree.layers.map(({ added, changed, deleted, bytes }) => [added, changed, deleted, bytes]),
      [
        [4, 0, 0, 9],
        [0, 1, 1, 7],
      ],
    )
    assert.deepEqual(
      [...tree.files()].map(({ path, layer }) => `${path} ${layer}`),
      ['c 0', 'd 1', 'd/a 1'],
    )
    assert.deepEqual(tree.wasted, [
      { path: 'd/a', bytes: 5, times: 1 },
      { path: 'd/b', bytes: 3, times: 1 },
    ])
    assert.equal(tree.wastedBytes, 8)
    assert.equal(tree.bytes, 8)
  })

  test('a file of two names wastes nothing while one is left, and counts once', async () => {
    const image = await stack([file('a', '1234'), hardlink('b', 'a')], [file('.wh.a')])
    const tree = await imageTree(image)
    assert.deepEqual([tree.bytes, tree.wastedBytes], [4, 0])
  })
})

describe('flatten', () => {
  test('makes one layer that shows the same files, and the same digest every time', async () => {
    await fc.assert(
      fc.asyncProperty(layerStacks, fc.constantFrom('none', 'gzip', 'zstd'), async (layers, compression) => {
        const image = await stack(...layers)
        const into = new MemoryStore(codec)
        const flat = await flatten(image, { codec, into, compression })
        assert.equal((await flat.layers()).length, 1)
        assert.deepEqual(await validateImage(flat, { codec }), [])
        assert.deepEqual((await listing(exportTar(flat))).toSorted(), (await listing(exportTar(image))).toSorted())
        const again = await flatten(image, { codec, into: new MemoryStore(codec), compression })
        assert.equal(again.descriptor.digest, flat.descriptor.digest)
        assert.equal((await imageTree(flat)).wastedBytes, 0)
      }),
      { numRuns: 60 },
    )
  })

  test('names a directory before what is in it', async () => {
    await fc.assert(
      fc.asyncProperty(layerStacks, async (layers) => {
        const seen = new Set(['.'])
        for (const line of await paths(await stack(...layers))) {
          const [path = '', type] = line.split(' ')
          const parent = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.'
          assert.ok(seen.has(parent), `${path} comes before ${parent}`)
          if (type === 'directory') seen.add(path)
        }
      }),
      { numRuns: 60 },
    )
  })
})
