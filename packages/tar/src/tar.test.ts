import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tarEntries } from '@gantry/testing/fuzz'
import * as fc from 'fast-check'
import { TarError } from './errors.ts'
import type { TarHeader } from './header.ts'
import { readTar } from './read-tar.ts'
import { TarReader } from './tar-reader.ts'
import { writeTar, type TarInput } from './write-tar.ts'

// More, to look for what this many have not found: GANTRY_FUZZ_RUNS=5000.
const runs = Number(process.env['GANTRY_FUZZ_RUNS'] ?? 80)

const common = { mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0 } as const

async function bytesOf(entries: Iterable<TarInput>, options?: { subsecond?: boolean }): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(writeTar(entries, options)))
}

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function entriesOf(bytes: Uint8Array, chunkSize = 65_536): Promise<{ header: TarHeader; body: Buffer }[]> {
  const entries = []
  for await (const { header, body } of readTar(chunked(bytes, chunkSize))) {
    entries.push({ header, body: Buffer.concat(await Array.fromAsync(body, (chunk) => Buffer.from(chunk))) })
  }
  return entries
}

test('what is written is read, whatever the chunks', async () => {
  const property = fc.asyncProperty(
    fc.array(tarEntries, { maxLength: 6 }),
    fc.integer({ min: 1, max: 3000 }),
    async (entries, chunkSize) => {
      const bytes = await bytesOf(entries.map(({ header, body }) => ({ header, body: [body] })))
      assert.equal(bytes.length % 512, 0)
      const read = await entriesOf(bytes, chunkSize)
      assert.deepEqual(
        read.map(({ header }) => plain(header)),
        entries.map(({ header }) => plain(header)),
      )
      assert.deepEqual(
        read.map(({ body }) => body),
        entries.map(({ body }) => Buffer.from(body)),
      )
    },
  )
  await fc.assert(property, { numRuns: runs })
})

// A directory's slashes at the end are not part of its path; views and buffers compare by their bytes.
function plain(header: TarHeader): unknown {
  const path = header.type === 'directory' ? header.path.replace(/(?<=.)\/+$/, '') : header.path
  const xattrs = Object.entries(header.xattrs ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('hex')])
  return { ...header, path, xattrs: Object.fromEntries(xattrs) }
}

test('random bytes are read or refused with a TarError', async () => {
  const noise = fc.uint8Array({ maxLength: 3000 })
  const property = fc.asyncProperty(noise, fc.integer({ min: 1, max: 600 }), async (bytes, chunkSize) => {
    await entriesOf(bytes, chunkSize).catch((error: unknown) => assert.ok(error instanceof TarError, String(error)))
  })
  await fc.assert(property, { numRuns: runs })
})

test('damaged archives are read or refused with a TarError', async () => {
  const damage = fc.array(fc.record({ at: fc.nat(), to: fc.nat(255) }), { maxLength: 3 })
  const property = fc.asyncProperty(
    fc.array(tarEntries, { maxLength: 3 }),
    damage,
    fc.nat(),
    async (entries, hits, cut) => {
      const bytes = await bytesOf(entries.map(({ header, body }) => ({ header, body: [body] })))
      for (const { at, to } of hits) bytes[at % bytes.length] = to
      // The checksum is made right again, so that what is behind it is tried as well.
      mendChecksums(bytes)
      const read = entriesOf(bytes.subarray(0, bytes.length - (cut % 2 === 0 ? 0 : cut % bytes.length)))
      await read.catch((error: unknown) => assert.ok(error instanceof TarError, String(error)))
    },
  )
  await fc.assert(property, { numRuns: runs })
})

function mendChecksums(bytes: Buffer): void {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const block = bytes.subarray(at, at + 512)
    if (block.toString('latin1', 257, 262) !== 'ustar') continue
    block.fill(0x20, 148, 156)
    const sum = block.reduce((total, byte) => total + byte, 0)
    block.write(`${sum.toString(8).padStart(6, '0')}\0`, 148)
  }
}

test('a body that is not read is skipped, and one that is read too late fails', async () => {
  const bytes = await bytesOf(
    ['a', 'b', 'c'].map((path) => ({
      header: { ...common, path, type: 'file', size: 2000 },
      body: [new Uint8Array(2000)],
    })),
  )
  const bodies: AsyncIterable<Uint8Array>[] = []
  const paths: string[] = []
  for await (const { header, body } of readTar(chunked(bytes, 100))) {
    paths.push(header.path)
    bodies.push(body)
    for await (const chunk of body) {
      assert.ok(chunk.length > 0)
      break
    }
  }
  assert.deepEqual(paths, ['a', 'b', 'c'])
  await assert.rejects(Array.fromAsync(bodies[0]!), { code: 'ENTRY_PASSED' })
})

test('the source is read to its end, and closed when reading breaks off', async () => {
  const bytes = await bytesOf([{ header: { ...common, path: 'a', type: 'file' } }])
  let state = 'open'
  const source = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield bytes
      yield new Uint8Array(100_000)
      state = 'read'
    } finally {
      if (state === 'open') state = 'closed'
    }
  }
  for await (const entry of readTar(source())) assert.equal(entry.header.path, 'a')
  assert.equal(state, 'read')
  state = 'open'
  for await (const entry of readTar(source())) if (entry.header.path === 'a') break
  assert.equal(state, 'closed')
})

test('an error of the source is passed on', async () => {
  const bytes = await bytesOf([
    { header: { ...common, path: 'a', type: 'file', size: 100_000 }, body: [Buffer.alloc(100_000)] },
  ])
  const cable = new Error('the cable was cut')
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 5000)
    throw cable
  }
  await assert.rejects(Array.fromAsync(readTar(source())), cable)
})

test('the synchronous reader gives entries, data, holes and ends', async () => {
  const bytes = await bytesOf([
    { header: { ...common, path: 'a', type: 'file', size: 3 }, body: [Buffer.from('abc')] },
    { header: { ...common, path: 'd', type: 'directory' } },
  ])
  const reader = new TarReader()
  const events: string[] = []
  for (const half of [bytes.subarray(0, 514), bytes.subarray(514)]) {
    reader.push(half)
    for (let event = reader.read(); event !== undefined; event = reader.read()) {
      if (event.kind === 'entry') events.push(`${event.header.type} ${event.header.path}`)
      else if (event.kind === 'data') events.push(Buffer.from(event.data).toString())
      else events.push(event.kind)
    }
  }
  reader.finish()
  assert.deepEqual(events, ['file a', 'ab', 'c', 'end', 'directory d', 'end'])
})

test('chunks are large, and the next entry is asked for only when they are wanted', async () => {
  let asked = 0
  const many = function* (): Generator<TarInput> {
    for (let at = 0; at < 5000; at++) {
      asked++
      yield { header: { ...common, path: `f${at}`, type: 'file', size: 100 }, body: [new Uint8Array(100)] }
    }
    yield { header: { ...common, path: 'big', type: 'file', size: 1_000_000 }, body: [new Uint8Array(1_000_000)] }
  }
  const writing = writeTar(many())
  assert.equal(asked, 0)
  const first = await writing.next()
  assert.ok(asked < 400, `${asked} entries for one chunk`)
  const sizes = [first.value!.length]
  for await (const chunk of writing) sizes.push(chunk.length)
  assert.ok(sizes.slice(0, -1).every((size) => size >= 65_536))
})

test('a body of another length than its header says is refused', async () => {
  for (const length of [0, 4, 6]) {
    const entry: TarInput = { header: { ...common, path: 'a', type: 'file', size: 5 }, body: [new Uint8Array(length)] }
    await assert.rejects(bytesOf([entry]), { code: 'SIZE_MISMATCH' })
  }
})

test('headers that cannot be written are refused', async (context) => {
  const rows: readonly [rule: string, header: Partial<TarHeader>][] = [
    ['an empty path', { path: '' }],
    ['a path with a NUL', { path: 'a\0b' }],
    ['a negative size', { size: -1 }],
    ['a size of a directory', { type: 'directory', size: 1 }],
    ['a time that is none', { mtime: Number.NaN }],
    ['a device number above 2097151', { type: 'block', devMajor: 8 ** 7 }],
  ]
  for (const [rule, change] of rows) {
    await context.test(rule, async () => {
      const header: TarHeader = { ...common, path: 'a', type: 'file', ...change }
      await assert.rejects(bytesOf([{ header }]), { code: 'HEADER_INVALID' })
    })
  }
})

test('PAX is used only for what ustar cannot say', async (context) => {
  const rows: readonly [rule: string, header: Partial<TarHeader>, blocks: number][] = [
    ['a plain file', {}, 1],
    ['100 bytes of path', { path: 'a'.repeat(100) }, 1],
    ['a long path that parts at a slash', { path: `${'a'.repeat(155)}/${'b'.repeat(100)}` }, 1],
    ['101 bytes without a slash', { path: 'a'.repeat(101) }, 3],
    ['a path too long to part', { path: `${'a'.repeat(156)}/${'b'.repeat(100)}` }, 3],
    ['a path that is not ASCII', { path: 'ő' }, 3],
    ['a path that is not UTF-8', { path: 'a\udcff' }, 3],
    ['a long link', { type: 'symlink', linkPath: 'l'.repeat(101) }, 3],
    ['the largest user ID of ustar', { uid: 8 ** 7 - 1 }, 1],
    ['a larger one', { uid: 8 ** 7 }, 3],
    ['a time before 1970', { mtime: -1 }, 3],
    ['a fraction, not asked for', { mtime: 1.5 }, 1],
    ['an extended attribute', { xattrs: { 'user.a': Buffer.from('b') } }, 3],
  ]
  for (const [rule, change, blocks] of rows) {
    await context.test(rule, async () => {
      const header: TarHeader = { ...common, path: 'f', type: 'file', ...change }
      const bytes = await bytesOf([{ header }])
      assert.equal(bytes.length, (blocks + 2) * 512)
      const [entry] = await entriesOf(bytes)
      assert.equal(entry?.header.path, header.path)
      assert.equal(entry.header.mtime, Math.floor(header.mtime))
    })
  }
  await context.test('a fraction, asked for', async () => {
    const bytes = await bytesOf([{ header: { ...common, path: 'f', type: 'file', mtime: 1.25 } }], { subsecond: true })
    assert.equal((await entriesOf(bytes))[0]?.header.mtime, 1.25)
  })
})
