import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { getAttribute } from '@gantry/linux'
import { parseDigest } from '@gantry/oci'
import { writeTar, type TarInput } from '@gantry/tar'
import { characterDevice, directory, fifo, file, hardlink, symlink } from '@gantry/testing'
import { extractArchive } from './extract-archive.ts'
import { overlayFormat } from '../overlay-format.ts'
import { SnapshotWorkers } from '../snapshot-workers.ts'
import type { Unpacked } from '../worker-calls.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root, for owners, devices and attributes'

describe('unpacking a layer', { skip }, () => {
  const workers = new SnapshotWorkers()
  const format = overlayFormat({
    privileges: { mounts: true, machine: true, owners: true, single: false, idMap: '' },
  })
  let top: string
  let count = 0

  before(() => {
    top = mkdtempSync(join(tmpdir(), 'gantry-unpack-'))
  })
  after(async () => {
    await workers.close()
    rmSync(top, { recursive: true, force: true })
  })

  async function archive(entries: readonly TarInput[]): Promise<Buffer> {
    const chunks: Uint8Array[] = []
    for await (const chunk of writeTar(entries)) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  async function unpackBytes(
    tar: Buffer,
    options: { readonly compression?: 'none' | 'gzip' | 'zstd'; readonly blob?: Buffer } = {},
  ): Promise<{ readonly target: string; readonly unpacked: Unpacked }> {
    const target = join(top, String(count++))
    mkdirSync(target)
    const blob = `${target}.blob`
    writeFileSync(blob, options.blob ?? tar)
    const diffId = parseDigest(`sha256:${createHash('sha256').update(tar).digest('hex')}`)
    const compression = options.compression ?? 'none'
    const unpacked = await workers.run<Unpacked>({ call: 'unpack', blob, compression, diffId, target, format })
    return { target, unpacked }
  }

  const unpack = async (...entries: readonly TarInput[]): ReturnType<typeof unpackBytes> =>
    unpackBytes(await archive(entries))

  const code = (expected: string) => (error: unknown) =>
    error instanceof Error && 'code' in error && error.code === expected

  test('keeps type, mode, owner, time and content', async () => {
    const { target } = await unpack(
      directory('etc', { mode: 0o2750, uid: 5, gid: 6, mtime: 1_000_000 }),
      file('etc/conf', 'hello', { mode: 0o4711, uid: 7, gid: 8, mtime: 2_000_000 }),
      symlink('etc/link', 'conf', { uid: 9, gid: 10, mtime: 3_000_000 }),
      hardlink('etc/hard', 'etc/conf'),
      characterDevice('null', [1, 3]),
      fifo('pipe', { mode: 0o600 }),
    )
    const conf = lstatSync(join(target, 'etc/conf'))
    assert.equal(readFileSync(join(target, 'etc/conf'), 'utf8'), 'hello')
    assert.deepEqual([conf.mode & 0o7777, conf.uid, conf.gid, conf.mtimeMs], [0o4711, 7, 8, 2_000_000_000])
    const etc = lstatSync(join(target, 'etc'))
    assert.deepEqual([etc.mode & 0o7777, etc.uid, etc.gid, etc.mtimeMs], [0o2750, 5, 6, 1_000_000_000])
    const link = lstatSync(join(target, 'etc/link'))
    assert.deepEqual([readlinkSync(join(target, 'etc/link')), link.uid, link.mtimeMs], ['conf', 9, 3_000_000_000])
    assert.equal(lstatSync(join(target, 'etc/hard')).ino, conf.ino)
    assert.equal(lstatSync(join(target, 'null')).rdev, (1 << 8) | 3)
    assert.ok(lstatSync(join(target, 'pipe')).isFIFO())
  })

  test('keeps capabilities and refuses attributes that are overlay’s own', async () => {
    const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex')
    const { target } = await unpack(
      file('ping', 'x', {
        xattrs: { 'security.capability': capability, 'trusted.overlay.redirect': Buffer.from('/etc') },
      }),
    )
    assert.deepEqual(Buffer.from(getAttribute(join(target, 'ping'), 'security.capability') ?? []), capability)
    assert.equal(getAttribute(join(target, 'ping'), 'trusted.overlay.redirect'), undefined)
  })

  test('writes whiteouts and opaque directories as overlay does', async () => {
    const { target } = await unpack(
      directory('d'),
      file('d/.wh..wh..opq'),
      file('.wh.gone'),
      file('kept', 'k'),
      file('.wh.kept'),
    )
    const gone = lstatSync(join(target, 'gone'))
    assert.ok(gone.isCharacterDevice() && gone.rdev === 0)
    assert.equal(Buffer.from(getAttribute(join(target, 'd'), 'trusted.overlay.opaque') ?? []).toString(), 'y')
    assert.equal(readFileSync(join(target, 'kept'), 'utf8'), 'k')
    assert.deepEqual(readdirSync(join(target, 'd')), [])
  })

  test('a directory after its own whiteout hides what lies below', async () => {
    const { target } = await unpack(file('.wh.d'), directory('d'), file('d/new', 'n'))
    assert.equal(Buffer.from(getAttribute(join(target, 'd'), 'trusted.overlay.opaque') ?? []).toString(), 'y')
    assert.equal(readFileSync(join(target, 'd/new'), 'utf8'), 'n')
  })

  test('a later entry replaces an earlier one of another kind', async () => {
    const { target } = await unpack(
      directory('a'),
      file('a/b', '1'),
      symlink('c', 'a'),
      file('a', '2'),
      directory('c'),
      file('c/x', '3'),
    )
    assert.equal(readFileSync(join(target, 'a'), 'utf8'), '2')
    assert.equal(readFileSync(join(target, 'c/x'), 'utf8'), '3')
  })

  test('names that are not UTF-8 keep their bytes', async () => {
    const { target } = await unpack(directory('caf\udce9'), file('caf\udce9/x\udcff', 'latin'))
    const names = readdirSync(target, { encoding: 'buffer' })
    assert.deepEqual(names, [Buffer.from('caf\xe9', 'latin1')])
    const inner = Buffer.concat([Buffer.from(`${target}/`), Buffer.from('caf\xe9/x\xff', 'latin1')])
    assert.equal(readFileSync(inner, 'utf8'), 'latin')
  })

  test('remembers directories that were never described, and completes them from below', async () => {
    const lower = await unpack(
      directory('a', { mode: 0o700, uid: 3, gid: 4, mtime: 5 }),
      directory('a/b', { mode: 0o711, mtime: 6 }),
    )
    const upper = await unpack(file('a/b/c/d', 'x'), hardlink('copy', 'a/nowhere'))
    assert.deepEqual(upper.unpacked.extracted.implied, ['a', 'a/b', 'a/b/c'])
    const call = { call: 'inherit', target: upper.target, lowers: [lower.target], format } as const
    await assert.rejects(workers.run({ ...call, extracted: upper.unpacked.extracted }), code('LAYER_INVALID'))
    await workers.run({ ...call, extracted: { ...upper.unpacked.extracted, links: [] } })
    const a = lstatSync(join(upper.target, 'a'))
    assert.deepEqual([a.mode & 0o7777, a.uid, a.gid, a.mtimeMs], [0o700, 3, 4, 5000])
    assert.equal(lstatSync(join(upper.target, 'a/b')).mode & 0o7777, 0o711)
    assert.equal(lstatSync(join(upper.target, 'a/b/c')).mode & 0o7777, 0o755)
  })

  test('copies up a file that is only linked to', async () => {
    const lower = await unpack(directory('bin'), file('bin/tool', 'tool', { mode: 0o751, uid: 2 }))
    const upper = await unpack(hardlink('bin/alias', 'bin/tool'))
    const { extracted } = upper.unpacked
    await workers.run({ call: 'inherit', target: upper.target, lowers: [lower.target], extracted, format })
    const alias = lstatSync(join(upper.target, 'bin/alias'))
    assert.equal(readFileSync(join(upper.target, 'bin/alias'), 'utf8'), 'tool')
    assert.deepEqual([alias.mode & 0o7777, alias.uid, alias.nlink], [0o751, 2, 2])
  })

  const escapes: readonly (readonly [string, readonly TarInput[]])[] = [
    ['.. in a name', [file('../escaped', 'x')]],
    ['.. deep in a name', [directory('a'), file('a/../../escaped', 'x')]],
    ['a hard link out of the root', [hardlink('h', '../../../../etc/passwd')]],
  ]
  for (const [what, entries] of escapes) {
    test(`refuses ${what}`, async () => {
      await assert.rejects(unpack(...entries), code('LAYER_INVALID'))
      assert.equal(existsSync(join(top, 'escaped')), false)
    })
  }

  test('symbolic links in a path stay inside the root', async () => {
    const outside = join(top, 'outside')
    mkdirSync(outside)
    const { target } = await unpack(
      symlink('abs', outside),
      directory(outside.slice(1)),
      file('abs/written', 'x'),
      symlink('up', '../../../../../..'),
      file('up/also', 'y'),
    )
    assert.deepEqual(readdirSync(outside), [])
    assert.equal(readFileSync(join(target, outside, 'written'), 'utf8'), 'x')
    assert.equal(readFileSync(join(target, 'also'), 'utf8'), 'y')
    assert.equal(existsSync('/also'), false)
  })

  test('an absolute name is inside the root', async () => {
    const { target } = await unpack(file('/absolute', 'x'))
    assert.equal(readFileSync(join(target, 'absolute'), 'utf8'), 'x')
  })

  test('a file is never written through a symbolic link', async () => {
    const victim = join(top, 'victim')
    writeFileSync(victim, 'safe')
    const { target } = await unpack(symlink('f', victim), file('f', 'overwritten'))
    assert.equal(readFileSync(victim, 'utf8'), 'safe')
    assert.equal(readFileSync(join(target, 'f'), 'utf8'), 'overwritten')
  })

  test('decompresses gzip and zstd', async () => {
    const tar = await archive([file('f', 'x'.repeat(100_000))])
    for (const [compression, blob] of [
      ['gzip', gzipSync(tar)],
      ['zstd', zstdCompressSync(tar)],
    ] as const) {
      const { target } = await unpackBytes(tar, { compression, blob })
      assert.equal(lstatSync(join(target, 'f')).size, 100_000)
    }
  })

  test('refuses a blob that is not the diff ID’s, truncated or damaged', async () => {
    const tar = await archive([file('f', 'content')])
    const other = await archive([file('f', 'tampered')])
    await assert.rejects(unpackBytes(tar, { blob: other }), code('DIGEST_MISMATCH'))
    await assert.rejects(unpackBytes(tar, { blob: tar.subarray(0, 516) }), code('LAYER_INVALID'))
    const gzip = gzipSync(tar)
    const cut = { compression: 'gzip', blob: gzip.subarray(0, gzip.length - 9) } as const
    await assert.rejects(unpackBytes(tar, cut), code('LAYER_INVALID'))
    await assert.rejects(unpackBytes(tar, { compression: 'gzip', blob: tar }), code('LAYER_INVALID'))
  })

  test('an abort ends the work', async () => {
    const tar = await archive([file('f', new Uint8Array(8 * 2 ** 20))])
    const target = join(top, 'aborted')
    mkdirSync(target)
    writeFileSync(`${target}.blob`, tar)
    const diffId = parseDigest(`sha256:${'0'.repeat(64)}`)
    const call = { call: 'unpack', blob: `${target}.blob`, compression: 'none', diffId, target, format } as const
    await assert.rejects(workers.run(call, { signal: AbortSignal.abort(new Error('stop')) }), /stop/)
    const controller = new AbortController()
    const running = workers.run(call, {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('now')),
    })
    await assert.rejects(running, /now/)
  })

  test('an archive from outside with a link to nothing is refused, not shortened', async () => {
    const target = join(top, 'context')
    mkdirSync(target)
    await extractArchive(writeTar([file('f', 'x'), hardlink('h', 'f')]), target)
    assert.equal(readFileSync(join(target, 'h'), 'utf8'), 'x')
    await assert.rejects(extractArchive(writeTar([hardlink('i', 'absent')]), target), code('LAYER_INVALID'))
  })
})

test('an archive that is no layer keeps files whose names begin like whiteouts', async () => {
  const target = mkdtempSync(join(tmpdir(), 'gantry-context-'))
  try {
    await extractArchive(writeTar([file('.wh.readme', 'a file'), file('readme', 'another')]), target)
    assert.deepEqual(readdirSync(target), ['.wh.readme', 'readme'])
  } finally {
    rmSync(target, { recursive: true, force: true })
  }
})
