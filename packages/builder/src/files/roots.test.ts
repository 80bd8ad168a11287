import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { testCodec } from '@gantry/testing'
import { writeTar } from '@gantry/tar'
import { DirectoryTree, walk } from './directory-tree.ts'
import { transientDigests } from './file-digests.ts'
import { LayeredRoot } from './layered-root.ts'
import { emptyLookup, type FileNode, type Lookup, type Readable } from './node.ts'
import { parseOwner, resolveOwner } from './owner.ts'
import { resolvePath } from './resolve-path.ts'
import { indexLayer } from './tar-index.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-roots-'))
after(() => rmSync(directory, { recursive: true, force: true }))

const header = { mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 }

async function layer(...paths: readonly string[]): Promise<Awaited<ReturnType<typeof indexLayer>>> {
  const path = join(mkdtempSync(join(directory, 'layer-')), 'tar')
  const entries = paths.map((written) => {
    const [name = '', target] = written.split(' -> ')
    if (target !== undefined) return { header: { ...header, path: name, type: 'symlink', linkPath: target } as const }
    const type = name.endsWith('/') ? 'directory' : 'file'
    const content = name === 'etc/passwd' ? [Buffer.from('root:x:0:0::/root:/bin/sh\n')] : []
    return {
      header: { ...header, path: name.replace(/\/$/, ''), type, size: content[0]?.length ?? 0 } as const,
      body: content,
    }
  })
  writeFileSync(path, Buffer.concat(await Array.fromAsync(writeTar(entries))))
  return indexLayer(path)
}

describe('a root of layers that are not unpacked', () => {
  const has = (root: Lookup, ...paths: readonly string[]): boolean[] =>
    paths.map((path) => root.lstat(path) !== undefined)

  test('upper layers replace, remove and empty what is below', async () => {
    let root: Readable = new LayeredRoot(
      emptyLookup,
      await layer('a/', 'a/x', 'b/', 'b/y', 'c/', 'c/z', 'd/', 'd/w', 'etc/', 'etc/passwd'),
    )
    assert.deepEqual(has(root, 'a/x', 'b/y', 'nothing'), [true, true, false])
    root = new LayeredRoot(root, await layer('a/', 'a/.wh.x', '.wh.b', 'c/', 'c/.wh..wh..opq', 'c/new', 'd'))
    assert.deepEqual(has(root, 'a', 'a/x', 'b', 'b/y', 'c', 'c/z', 'c/new', 'd', 'd/w'), [
      true,
      false,
      false,
      false,
      true,
      false,
      true,
      true,
      false,
    ])
    assert.equal((await root.readSmall('etc/passwd'))?.length, 26)
    root = new LayeredRoot(root, await layer('etc/', 'etc/.wh.passwd', 'b/', 'b/again'))
    assert.equal(await root.readSmall('etc/passwd'), undefined)
    assert.deepEqual(has(root, 'b/y', 'b/again'), [false, true])
  })

  test('links are followed within the root', async () => {
    const root = new LayeredRoot(
      emptyLookup,
      await layer('real/', 'abs -> /real', 'up -> ../../../real', 'loop -> loop', 'chain -> abs/x', 'real/x -> y'),
    )
    const rows = [
      ['abs/file', 'real/file'],
      ['up/file', 'real/file'],
      ['chain', 'real/y'],
      ['../../abs/../q', 'q'],
      ['missing/./deep//x', 'missing/deep/x'],
      ['/', ''],
    ]
    for (const [path, resolved] of rows) assert.equal(resolvePath(root, path!, { followLast: true }), resolved)
    assert.equal(resolvePath(root, 'abs', { followLast: false }), 'abs')
    assert.throws(() => resolvePath(root, 'loop/x', { followLast: true }), { code: 'DESTINATION_INVALID' })
  })
})

describe('a directory that may be hostile', () => {
  const tree = (): DirectoryTree => new DirectoryTree(directory, { digests: transientDigests(testCodec()) })

  test('what is swapped for a link is not followed', async () => {
    mkdirSync(join(directory, 'dir/sub'), { recursive: true })
    writeFileSync(join(directory, 'dir/sub/f'), 'inside')
    using files = tree()
    const node = files.lstat('dir/sub/f')!
    assert.equal(Buffer.from((await Array.fromAsync(files.open('dir/sub/f', node)))[0]!).toString(), 'inside')
    renameSync(join(directory, 'dir/sub'), join(directory, 'dir/old'))
    mkdirSync(join(directory, 'elsewhere'))
    writeFileSync(join(directory, 'elsewhere/f'), 'secret')
    symlinkSync('../elsewhere', join(directory, 'dir/sub'))
    using fresh = tree()
    assert.equal(fresh.lstat('dir/sub/f'), undefined)
    assert.deepEqual(fresh.list('dir/sub'), [])
  })

  test('a file that is replaced while it is read is noticed', async () => {
    const path = join(directory, 'changing')
    writeFileSync(path, 'one')
    using files = tree()
    const node = files.lstat('changing')!
    rmSync(path)
    writeFileSync(path, 'two')
    await assert.rejects(Array.fromAsync(files.open('changing', node)), { code: 'SOURCE_CHANGED' })
    rmSync(path)
    symlinkSync('/etc/passwd', path)
    await assert.rejects(Array.fromAsync(files.open('changing', node)), { code: 'SOURCE_UNREADABLE' })
  })

  test('a file of another content is noticed, whatever its times say', async () => {
    const path = join(directory, 'restored')
    for (const size of [4, 3 << 20]) {
      const [good, evil] = ['A', 'E'].map((letter) => Buffer.alloc(size, letter)) as [Buffer, Buffer]
      writeFileSync(path, good)
      utimesSync(path, 1000, 1000)
      using files = new DirectoryTree(directory, { digests: { ...transientDigests(testCodec()), shared: true } })
      const node = files.lstat('restored')!
      const digest = await files.digest('restored', node)
      assert.equal(Buffer.concat(await Array.fromAsync(files.open('restored', node, { digest }))).compare(good), 0)
      const { ctimeMs } = lstatSync(path)
      do {
        writeFileSync(path, evil)
        utimesSync(path, 1000, 1000)
      } while (lstatSync(path).ctimeMs === ctimeMs)
      await assert.rejects(Array.fromAsync(files.open('restored', node)), { code: 'SOURCE_CHANGED' })
      // Two changes between two ticks of the clock leave equal times.
      const same = files.lstat('restored')!
      await assert.rejects(Array.fromAsync(files.open('restored', same, { digest })), { code: 'SOURCE_CHANGED' })
    }
  })

  test('a file of several chunks is hashed and read as a whole, whatever memory the chunks are in', async () => {
    for (const size of [0, 1, 1 << 20, (1 << 20) + 1, 3_500_000, 9_000_000]) {
      const content = Buffer.alloc(size, 'abcdefghijklmnopqrs')
      if (size > 0) content[size - 1] = 1
      writeFileSync(join(directory, 'chunks'), content)
      using files = tree()
      const node = files.lstat('chunks')!
      assert.equal(await files.digest('chunks', node), hash('sha256', content, 'hex'))
      const kept = await Array.fromAsync(files.open('chunks', node))
      assert.equal(Buffer.concat(kept).compare(content), 0)
      const copies = await Array.fromAsync(files.open('chunks', node, { lent: true }), (chunk) => Buffer.from(chunk))
      assert.equal(Buffer.concat(copies).compare(content), 0)
    }
  })

  test('names that are not UTF-8 and many directories', () => {
    const strange = Buffer.from([0x66, 0xff, 0x6f])
    mkdirSync(join(directory, 'many'))
    mkdirSync(Buffer.concat([Buffer.from(join(directory, 'many/')), strange]))
    for (let index = 0; index < 100; index++) mkdirSync(join(directory, `many/${index}/x`), { recursive: true })
    using files = tree()
    const found = Array.from(walk(files, 'many'), ([path]: readonly [string, FileNode]) => path)
    assert.equal(found.length, 201)
    assert.ok(found.includes('many/f\uDCFFo'))
    assert.equal(files.lstat('many/f\uDCFFo')?.type, 'directory')
  })
})

test('owners: numbers, names, groups', () => {
  const accounts = {
    users: [{ name: 'ann', uid: 1, gid: 2, home: '/' }],
    groups: [{ name: 'team', gid: 3, members: ['ann'] }],
  }
  const rows: readonly (readonly [string, number, number])[] = [
    ['5', 5, 5],
    ['5:6', 5, 6],
    ['ann', 1, 2],
    ['ann:team', 1, 3],
    ['5:team', 5, 3],
    ['ann:9', 1, 9],
    [':team', 0, 3],
    [':4', 0, 4],
  ]
  for (const [text, uid, gid] of rows) assert.deepEqual({ ...resolveOwner(text, accounts) }, { uid, gid }, text)
  assert.throws(() => resolveOwner('bob', accounts), { code: 'USER_UNKNOWN' })
  assert.throws(() => resolveOwner('ann:none', accounts), { code: 'USER_UNKNOWN' })
  assert.deepEqual([parseOwner('1:2').names, parseOwner('ann').names, parseOwner('1:g').names], [false, true, true])
})
