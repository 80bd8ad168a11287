import assert from 'node:assert/strict'
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { MemoryStore } from '@gantry/image'
import { createLedger, ledgerMigrations, type Ledger, readHost } from '@gantry/linux'
import { openState, type State } from '@gantry/state'
import type { TarInput } from '@gantry/tar'
import { directory, file, hardlink, imageOf, symlink, testCodec } from '@gantry/testing'
import { createSnapshots, snapshotMigrations, type Snapshots } from './index.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root, to mount'

type Layers = readonly (readonly TarInput[])[]

describe('hostile and odd layers', { skip }, () => {
  const codec = testCodec()
  let root: string
  let outside: string
  let state: State
  let ledger: Ledger
  let snapshots: Snapshots
  let count = 0

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'gantry-hostile-'))
    outside = join(root, 'outside')
    mkdirSync(outside, { mode: 0o700 })
    writeFileSync(join(outside, 'victim'), 'safe', { mode: 0o600 })
    utimesSync(join(outside, 'victim'), 1, 1)
    utimesSync(outside, 1, 1)
    state = openState(join(root, 'state.db'), [ledgerMigrations, snapshotMigrations])
    ledger = createLedger({ state })
    snapshots = createSnapshots({ site: { root }, state, ledger, host: await readHost() })
  })
  after(async () => {
    for (const { owner } of ledger.owners()) await ledger.undo(owner)
    await snapshots.close()
    assert.deepEqual(readdirSync(join(root, 'snapshots')), [])
    state[Symbol.dispose]()
    rmSync(root, { recursive: true, force: true })
  })

  async function unpacked(layers: Layers): Promise<string> {
    const image = await imageOf(new MemoryStore(codec), layers, { codec, compression: 'none' })
    const name = `h${String(++count)}`
    const { rootfs } = await snapshots.prepare(name, await snapshots.unpack(image), `container/${name}`)
    return rootfs
  }

  function isUntouched(): void {
    const victim = lstatSync(join(outside, 'victim'))
    const folder = statSync(outside)
    assert.equal(readFileSync(join(outside, 'victim'), 'utf8'), 'safe')
    assert.deepEqual([victim.mode & 0o7777, victim.uid, victim.nlink, victim.mtimeMs], [0o600, 0, 1, 1000])
    assert.deepEqual([folder.mode & 0o7777, folder.uid, folder.mtimeMs], [0o700, 0, 1000])
    assert.deepEqual(readdirSync(outside), ['victim'])
  }

  test('a link to a file below, whose name becomes a symbolic link later, copies nothing through that', async () => {
    const below = [directory('d'), file('t', 'OWNED', { mode: 0o4777 }), file('d/t', 'OWNED', { mode: 0o4777 })]
    const rootfs = await unpacked([
      below,
      [
        hardlink('h', 't'),
        symlink('t', join(outside, 'victim')),
        hardlink('h2', 'd/t'),
        symlink('d/t', join(outside, 'new')),
      ],
    ])
    isUntouched()
    assert.equal(readFileSync(join(rootfs, 'h'), 'utf8'), 'OWNED')
    assert.ok(lstatSync(join(rootfs, 't')).isSymbolicLink())
  })

  test('a directory that becomes a symbolic link under another path lends nothing to what that leads to', async () => {
    const below = [directory('a'), directory('a/b', { mode: 0o4777, uid: 7, mtime: 9 })]
    const rootfs = await unpacked([below, [symlink('s', 'a'), file('a/b/x'), symlink('s/b', outside)]])
    isUntouched()
    assert.ok(lstatSync(join(rootfs, 'a/b')).isSymbolicLink())
  })

  test('what replaces an entry gets its own owner, mode and time, deep inside too', async () => {
    const rootfs = await unpacked([
      [
        directory('d'),
        directory('d/e'),
        directory('d/e/a'),
        file('d/e/a/x'),
        symlink('d/e/a', 'elsewhere', { uid: 3, mtime: 33 }),
        file('d/e/b'),
        directory('d/e/b', { mode: 0o2711, uid: 4, mtime: 44 }),
        file('d/e/c', 'one'),
        file('d/e/c', 'two', { mode: 0o4755, uid: 5, mtime: 55 }),
      ],
    ])
    const [a, b, c] = ['a', 'b', 'c'].map((name) => lstatSync(join(rootfs, 'd/e', name)))
    assert.deepEqual([a?.isSymbolicLink(), a?.uid, a?.mtimeMs], [true, 3, 33_000])
    assert.deepEqual([(b?.mode ?? 0) & 0o7777, b?.uid, b?.mtimeMs], [0o2711, 4, 44_000])
    assert.deepEqual([(c?.mode ?? 0) & 0o7777, c?.uid, c?.mtimeMs], [0o4755, 5, 55_000])
    assert.equal(readFileSync(join(rootfs, 'd/e/c'), 'utf8'), 'two')
  })

  const visible: readonly (readonly [what: string, layers: Layers, inside: string, names: readonly string[]])[] = [
    [
      'a whiteout, and then files in that directory without an entry of its own',
      [[file('d/old')], [file('.wh.d'), file('d/new')]],
      'd',
      ['new'],
    ],
    [
      'a directory, and then its own whiteout',
      [[file('d/old')], [directory('d'), file('d/new'), file('.wh.d')]],
      'd',
      ['new'],
    ],
    ['an opaque root', [[file('old')], [file('.wh..wh..opq'), file('new')], [file('more')]], '.', ['more', 'new']],
    [
      'a link to a file below, and then its whiteout',
      [[file('g', 'x')], [hardlink('h', 'g'), file('.wh.g')]],
      '.',
      ['h'],
    ],
    ['a whiteout of a whiteout', [[file('g')], [file('.wh.g')], [file('.wh.g')]], '.', []],
    ['a link to itself', [[hardlink('h', 'h')]], '.', []],
    ['the root as a symbolic link', [[symlink('./', '/etc'), file('f')]], '.', ['f']],
    ['a name of 255 bytes', [[file('x'.repeat(255))]], '.', ['x'.repeat(255)]],
  ]
  for (const [what, layers, inside, names] of visible) {
    test(`${what}: only what should be seen is`, async () => {
      assert.deepEqual(readdirSync(join(await unpacked(layers), inside)).toSorted(), names)
    })
  }

  test('links of one file that only the layers below have are one file', async () => {
    const rootfs = await unpacked([
      [file('d/f', 'x', { mode: 0o4751, uid: 2, mtime: 22 })],
      [hardlink('a', 'd/f'), hardlink('b', 'd/f')],
    ])
    const [a, b, f] = ['a', 'b', 'd/f'].map((name) => lstatSync(join(rootfs, name)))
    assert.deepEqual([a?.ino, a?.nlink, (a?.mode ?? 0) & 0o7777, a?.uid, a?.mtimeMs], [f?.ino, 3, 0o4751, 2, 22_000])
    assert.equal(a?.ino, b?.ino)
  })

  const refused: readonly (readonly [what: string, layers: Layers])[] = [
    ['a link to what the layer removes', [[file('g')], [file('.wh.g'), hardlink('h', 'g')]]],
    [
      'a link to what a layer below has hidden',
      [[file('a/x')], [directory('a'), file('a/.wh..wh..opq')], [hardlink('h', 'a/x')]],
    ],
    ['a link to a directory', [[directory('a'), hardlink('h', 'a')]]],
    ['a file in a dangling symbolic link', [[symlink('l', 'real'), file('l/x')]]],
    ['a file in a loop of symbolic links', [[symlink('l', 'm'), symlink('m', 'l'), file('l/x')]]],
    ['a file below a file', [[file('a'), file('a/b')]]],
    ['a whiteout of the directory it is in', [[file('a/.wh..')]]],
    [
      'an attribute larger than the kernel takes',
      [[file('f', '', { xattrs: { 'user.big': new Uint8Array(70_000) } })]],
    ],
    [
      'an attribute with too long a name',
      [[file('f', '', { xattrs: { [`user.${'n'.repeat(300)}`]: new Uint8Array(1) } })]],
    ],
    ['a name of 256 bytes', [[file('x'.repeat(256))]]],
    ['a path over 4096 bytes', [[file(`${'d/'.repeat(3000)}f`)]]],
  ]
  for (const [what, layers] of refused) {
    test(`${what} is refused as the layer's fault, and nothing is left`, async () => {
      const before = readdirSync(join(root, 'snapshots')).length
      const lower = layers.length - 1
      await assert.rejects(unpacked(layers), { code: 'LAYER_INVALID' })
      assert.ok(readdirSync(join(root, 'snapshots')).length <= before + lower)
      isUntouched()
    })
  }
})
