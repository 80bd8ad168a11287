import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeNodeAt, openAt, closeDescriptor, setAttribute } from '@gantry/linux'
import { readTar, type TarHeader } from '@gantry/tar'
import { overlayFormat } from '../overlay-format.ts'
import { SnapshotWorkers } from '../snapshot-workers.ts'
import { diskUsage } from './disk-usage.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root, for owners, devices and attributes'

describe('the difference of a snapshot', { skip }, () => {
  const workers = new SnapshotWorkers()
  const format = overlayFormat({
    privileges: { mounts: true, machine: true, owners: true, single: false, idMap: '' },
  })
  let upper: string

  before(async () => {
    upper = mkdtempSync(join(tmpdir(), 'gantry-diff-'))
    mkdirSync(join(upper, 'b'))
    writeFileSync(join(upper, 'b/two'), 'x'.repeat(1_500_000))
    writeFileSync(join(upper, 'b/one'), 'one')
    chmodSync(join(upper, 'b/one'), 0o4755)
    chownSync(join(upper, 'b/two'), 11, 12)
    linkSync(join(upper, 'b/one'), join(upper, 'c'))
    symlinkSync('b/one', join(upper, 'a'))
    lutimesSync(join(upper, 'a'), 77, 77)
    utimesSync(join(upper, 'b/one'), 1234, 1234)
    const directory = openAt(-100, upper, 0)
    makeNodeAt(directory, 'gone', 0o020000, 0n)
    closeDescriptor(directory)
    setAttribute(join(upper, 'b'), 'trusted.overlay.opaque', Buffer.from('y'))
    setAttribute(join(upper, 'b/two'), 'user.note', Buffer.from('kept'))
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(join(upper, 'socket'), resolve))
    // The socket's file stays while the server listens, which is until the tests are over.
    after(() => server.close())
  })
  after(async () => {
    await workers.close()
    rmSync(upper, { recursive: true, force: true })
  })

  const diff = (mtime?: { after: number; becomes: number }): AsyncIterable<Uint8Array> =>
    workers.stream({ call: 'diff', upper, format, ...(mtime === undefined ? {} : { mtime }) })

  async function headers(body: AsyncIterable<Uint8Array>): Promise<readonly TarHeader[]> {
    const all: TarHeader[] = []
    for await (const { header } of readTar(body)) all.push(header)
    return all
  }

  test('has every kind of change, in path order', async () => {
    const all = await headers(diff())
    assert.deepEqual(
      all.map(({ path, type, linkPath }) => `${type} ${path}${linkPath === undefined ? '' : ` -> ${linkPath}`}`),
      [
        'symlink a -> b/one',
        'directory b',
        'file b/.wh..wh..opq',
        'file b/one',
        'file b/two',
        'hardlink c -> b/one',
        'file .wh.gone',
      ],
    )
    const one = all.find(({ path }) => path === 'b/one')
    assert.deepEqual([one?.mode, one?.size, one?.mtime], [0o4755, 3, 1234])
    const two = all.find(({ path }) => path === 'b/two')
    assert.deepEqual([two?.uid, two?.gid, two?.size], [11, 12, 1_500_000])
    assert.deepEqual(Object.keys(two?.xattrs ?? {}), ['user.note'])
    assert.equal(all.find(({ path }) => path === 'b')?.xattrs, undefined)
  })

  test('sets later times to what is asked', async () => {
    const times = new Map((await headers(diff({ after: 1000, becomes: 5 }))).map(({ path, mtime }) => [path, mtime]))
    assert.equal(times.get('a'), 77)
    assert.equal(times.get('b/one'), 5)
  })

  test('is the same bytes every time', async () => {
    const collect = async (): Promise<Buffer> => {
      const chunks: Uint8Array[] = []
      for await (const chunk of diff()) chunks.push(chunk)
      return Buffer.concat(chunks)
    }
    assert.ok((await collect()).equals(await collect()))
  })

  test('breaking off is no harm', async () => {
    for await (const chunk of diff()) {
      assert.ok(chunk.length > 0)
      break
    }
  })

  test('disk usage counts a file with two names once', () => {
    const bytes = diskUsage(upper)
    assert.ok(bytes >= 1_500_000 && bytes < 2_000_000, String(bytes))
  })

  test('usage counts what lies deeper than paths are long', () => {
    const deep = mkdtempSync(join(tmpdir(), 'gantry-deep-'))
    const nest = 'n=$(printf %0200d 0); for i in $(seq 40); do mkdir $n; cd -P $n; done; head -c 8192 /dev/zero > file'
    execFileSync('sh', ['-e', '-c', nest], { cwd: deep })
    assert.ok(diskUsage(deep) >= 41 * 4096)
    execFileSync('rm', ['-rf', deep])
  })
})
