import assert from 'node:assert/strict'
import { mkdir, rm } from 'node:fs/promises'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import { exportTar, flatten } from '@gantry/image'
import { openLayout } from '@gantry/store'
import {
  directory,
  file,
  hardlink,
  imageOf,
  runTool,
  symlink,
  temporaryDirectory,
  testCodec,
  toolsMissing,
} from '@gantry/testing'
import { layerStacks } from '@gantry/testing/fuzz'
import { createCodec } from '@gantry/codec'
import type { TarInput } from '@gantry/tar'
import * as fc from 'fast-check'

const missing = toolsMissing('umoci', 'tar', 'find', 'sha256sum')
const skip = process.getuid?.() === 0 ? missing : 'needs root, to unpack owners'

/** Everything that two root file systems can differ in: type, mode, owner, link, content, and which names are one file. */
async function inventory(root: string): Promise<string> {
  const names = await runTool(
    'find',
    [
      '.',
      '-mindepth',
      '1',
      '-type',
      'd',
      '-printf',
      '%p %y %m %U %G\n',
      '-o',
      '-mindepth',
      '1',
      '-printf',
      '%p %y %m %U %G %s %l %n\n',
    ],
    root,
  )
  const content = await runTool('sh', ['-c', 'find . -type f -exec sha256sum {} + | sort -k2'], root)
  return `${names.split('\n').toSorted().join('\n')}\n${content}`
}

async function compare(layers: readonly (readonly TarInput[])[]): Promise<void> {
  await using place = await temporaryDirectory()
  await using codec = createCodec()
  const layout = await openLayout(join(place.path, 'layout'), { codec, create: true })
  const image = await imageOf(layout, layers, { codec: testCodec(), compression: 'gzip' })
  await layout.tag('1', image.descriptor)
  await runTool('umoci', ['unpack', '--image', `${layout.path}:1`, join(place.path, 'peer')])
  const expected = await inventory(join(place.path, 'peer/rootfs'))
  for (const [name, view] of [
    ['exported', image],
    ['flattened', await flatten(image, { codec, into: layout, compression: 'zstd' })],
  ] as const) {
    const root = join(place.path, name)
    await mkdir(root)
    await pipeline(exportTar(view), createWriteStream(`${root}.tar`))
    await runTool('tar', ['-x', '--numeric-owner', '-p', '-f', `${root}.tar`], root)
    assert.equal(await inventory(root), expected, name)
    await rm(root, { recursive: true })
  }
}

describe('an exported image, unpacked by tar', { skip }, () => {
  test('is what umoci unpacks of its layers', async () => {
    await compare([
      [
        directory('d', { mode: 0o711 }),
        file('d/a', 'one', { uid: 5, mode: 0o4755 }),
        hardlink('d/b', 'd/a'),
        symlink('l', 'd/a'),
        directory('gone'),
        file('gone/x'),
      ],
      [file('d/a', 'two'), file('.wh.gone'), directory('d', { mode: 0o750, gid: 9 })],
      [directory('d'), file('d/.wh..wh..opq'), file('d/c', 'three')],
    ])
  })

  test('is what umoci unpacks, whatever the layers do', async () => {
    await fc.assert(fc.asyncProperty(layerStacks, compare), { numRuns: 12 })
  })
})
