import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTar } from './read-tar.ts'
import type { TarReaderOptions } from './tar-reader.ts'

/** A header block, field by field. */
function block(fields: Readonly<Record<string, string | Uint8Array>>, { magic = 'ustar\x0000', sum = 0 } = {}): Buffer {
  const places: Readonly<Record<string, number>> = {
    name: 0, mode: 100, uid: 108, gid: 116, size: 124, mtime: 136, type: 156, link: 157, uname: 265,
    major: 329, minor: 337, prefix: 345, sparse: 386, more: 482, real: 483, star: 508,
  } // prettier-ignore
  const bytes = Buffer.alloc(512)
  bytes.write(magic, 257, 'latin1')
  for (const [name, value] of Object.entries({ type: '0', ...fields })) bytes.set(Buffer.from(value), places[name])
  bytes.fill(0x20, 148, 156)
  const total = bytes.reduce((all, byte) => all + byte, sum)
  bytes.write(`${total.toString(8).padStart(6, '0')}\0 `, 148)
  return bytes
}

const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`
const padded = (text: string | Buffer): Buffer => Buffer.concat([Buffer.from(text), Buffer.alloc(pad(text))])
const pad = (text: string | Buffer): number => (512 - (Buffer.from(text).length % 512)) % 512
const end = Buffer.alloc(1024)

function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  const length = Buffer.byteLength(rest)
  const digits = String(length + String(length).length).length
  return `${length + digits}${rest}`
}

function special(type: string, data: string | Buffer): Buffer {
  const length = Buffer.from(data).length
  return Buffer.concat([block({ name: 'special', type, size: octal(length) }), padded(data)])
}

const pax = (records: Readonly<Record<string, string>>, type = 'x'): Buffer => {
  return special(
    type,
    Object.entries(records)
      .map((each) => record(...each))
      .join(''),
  )
}

async function read(parts: readonly Uint8Array[], options?: TarReaderOptions) {
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.concat(parts)
  }
  const entries = []
  for await (const { header, body } of readTar(source(), options)) {
    const content = Buffer.concat(await Array.fromAsync(body, (chunk) => Buffer.from(chunk)))
    entries.push({ ...header, content: content.toString('latin1') })
  }
  return entries
}

const base256 = (value: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length, value < 0 ? 0xff : 0)
  bytes.writeBigInt64BE(BigInt(value), length - 8)
  bytes[0]! |= 0x80
  return bytes
}

const hole = (length: number): string => '\0'.repeat(length)

test('archives of every format are read', async (context) => {
  const rows: readonly [rule: string, parts: readonly Buffer[], expected: Readonly<Record<string, unknown>>][] = [
    ['V7, without a magic', [block({ name: 'a', mode: '0000755 \0' }, { magic: '' })], { path: 'a', mode: 0o755 }],
    ['V7, a directory by its slash', [block({ name: 'd/' }, { magic: '' })], { path: 'd', type: 'directory' }],
    ['ustar with a prefix', [block({ name: 'b', prefix: 'a' })], { path: 'a/b' }],
    ['star, whose prefix is shorter', [block({ name: 'b', prefix: `a${hole(130)}x`, star: 'tar\0' })], { path: 'a/b' }],
    [
      'GNU has times where the prefix is',
      [block({ name: 'b', prefix: '1234' }, { magic: 'ustar  \0' })],
      { path: 'b' },
    ],
    ['sums of signed bytes', [block({ name: 'é' }, { sum: -512 })], { path: 'é' }],
    ['numbers padded with spaces', [block({ name: 'a', uid: '   17 \0' })], { uid: 0o17 }],
    ['numbers that are empty', [block({ name: 'a', uid: hole(8) })], { uid: 0 }],
    ['base-256 numbers', [block({ name: 'a', uid: base256(3_000_000_000, 8).subarray(0, 8) })], { uid: 3_000_000_000 }],
    ['base-256 times before 1970', [block({ name: 'a', mtime: base256(-5, 12) })], { mtime: -5 }],
    [
      'a contiguous file',
      [block({ name: 'a', type: '7', size: octal(1) }), padded('x')],
      { type: 'file', content: 'x' },
    ],
    [
      'a link with a size has no body all the same',
      [block({ name: 'a', type: '1', link: 'b', size: octal(9) })],
      { linkPath: 'b', size: 0 },
    ],
    [
      'a device',
      [block({ name: 'a', type: '3', major: '0000001\0', minor: '0000005\0' })],
      { type: 'character', devMajor: 1, devMinor: 5 },
    ],
    [
      'GNU long names',
      [special('L', `${'n'.repeat(600)}\0`), special('K', 'long link\0'), block({ name: 'n', type: '2' })],
      { path: 'n'.repeat(600), linkPath: 'long link' },
    ],
    [
      'PAX records',
      [pax({ path: 'p', uid: '7', mtime: '1.5', uname: 'me' }), block({ name: 'a' })],
      { path: 'p', uid: 7, mtime: 1.5, uname: 'me' },
    ],
    ['PAX size', [pax({ size: '2' }), block({ name: 'a' }), padded('xy')], { size: 2, content: 'xy' }],
    [
      'two PAX headers',
      [pax({ path: 'p', uid: '7' }), pax({ path: 'q' }), block({ name: 'a' })],
      { path: 'q', uid: 7 },
    ],
    ['a global PAX header', [pax({ uname: 'all' }, 'g'), block({ name: 'a' })], { uname: 'all' }],
    [
      'a record over a global one',
      [pax({ uname: 'all' }, 'g'), pax({ uname: 'one' }), block({ name: 'a' })],
      { uname: 'one' },
    ],
    [
      'an empty record takes a global one away',
      [pax({ uname: 'all' }, 'g'), pax({ uname: '' }), block({ name: 'a', uname: 'raw' })],
      { uname: 'raw' },
    ],
    [
      'a PAX value with an equals sign and a newline',
      [pax({ path: 'a=b\nc' }), block({ name: 'a' })],
      { path: 'a=b\nc' },
    ],
    [
      'extended attributes, bytes and all',
      [pax({ 'SCHILY.xattr.user.a': 'x=\0y' }), block({ name: 'a' })],
      { xattrs: { 'user.a': new Uint8Array(Buffer.from('x=\0y')) } },
    ],
    ['names that are not UTF-8', [block({ name: Buffer.from([0x61, 0xff, 0xc3]) })], { path: 'a\udcff\udcc3' }],
    ['no zeros at the end', [block({ name: 'a' })], { path: 'a' }],
    ['no zeros at the end, nor padding', [block({ name: 'a', size: octal(1) }), Buffer.from('x')], { content: 'x' }],
    [
      'the old GNU sparse format',
      [
        block(
          { name: 's', type: 'S', size: octal(4), sparse: octal(2) + octal(2) + octal(6) + octal(2), real: octal(10) },
          { magic: 'ustar  \0' },
        ),
        padded('abcd'),
      ],
      {
        size: 10,
        content: `${hole(2)}ab${hole(2)}cd${hole(2)}`,
        sparse: [
          { offset: 2, length: 2 },
          { offset: 6, length: 2 },
        ],
      },
    ],
    [
      'the old GNU sparse format with a block of its map',
      [
        block(
          {
            name: 's',
            type: 'S',
            size: octal(5),
            sparse: [0, 2, 4, 6].map((at) => octal(at) + octal(1)).join(''),
            more: '\x01',
            real: octal(9),
          },
          { magic: 'ustar  \0' },
        ),
        padded(octal(8) + octal(1)),
        padded('abcde'),
      ],
      { content: 'a\0b\0c\0d\0e' },
    ],
    [
      'PAX sparse format 0.0',
      [
        special(
          'x',
          [
            ['GNU.sparse.size', '6'],
            ['GNU.sparse.numblocks', '2'],
            ['GNU.sparse.offset', '0'],
            ['GNU.sparse.numbytes', '1'],
            ['GNU.sparse.offset', '4'],
            ['GNU.sparse.numbytes', '1'],
          ]
            .map(([key, value]) => record(key!, value!))
            .join(''),
        ),
        block({ name: 's', size: octal(2) }),
        padded('ab'),
      ],
      { size: 6, content: `a${hole(3)}b\0` },
    ],
    [
      'PAX sparse format 0.1',
      [
        pax({ 'GNU.sparse.size': '6', 'GNU.sparse.name': 'real', 'GNU.sparse.map': '0,1,4,1' }),
        block({ name: 's', size: octal(2) }),
        padded('ab'),
      ],
      { path: 'real', size: 6, content: `a${hole(3)}b\0` },
    ],
    [
      'PAX sparse format 1.0',
      [
        pax({
          'GNU.sparse.major': '1',
          'GNU.sparse.minor': '0',
          'GNU.sparse.name': 'real',
          'GNU.sparse.realsize': '6',
        }),
        block({ name: 's', size: octal(514) }),
        padded('2\n0\n1\n4\n1\n'),
        padded('ab'),
      ],
      { path: 'real', size: 6, content: `a${hole(3)}b\0` },
    ],
    [
      'a sparse file that is one hole',
      [pax({ 'GNU.sparse.size': '200000', 'GNU.sparse.map': '200000,0' }), block({ name: 's' })],
      { size: 200_000, content: hole(200_000) },
    ],
  ]
  for (const [rule, parts, expected] of rows) {
    await context.test(rule, async () => {
      // The next entry shows that the body's end was found.
      const [first, next] = await read([
        ...parts,
        ...(rule.startsWith('no zeros') ? [] : [block({ name: 'next' }), end]),
      ])
      for (const [key, value] of Object.entries(expected)) {
        assert.deepEqual(first?.[key as keyof typeof first], value, key)
      }
      assert.equal(next?.path, rule.startsWith('no zeros') ? undefined : 'next')
    })
  }
})

test('bad archives are refused with a code and an offset', async (context) => {
  const broken = block({ name: 'a' })
  broken[0] = 0x62
  const rows: readonly [rule: string, parts: readonly Buffer[], code: string, offset?: number][] = [
    ['a checksum that is wrong', [block({ name: 'ok' }), broken], 'CHECKSUM_MISMATCH', 512],
    ['a header that is cut', [block({ name: 'ok' }), broken.subarray(0, 100)], 'TRUNCATED'],
    ['a body that is cut', [block({ name: 'a', size: octal(600) }), padded('x')], 'TRUNCATED', 0],
    ['a PAX header without its entry', [pax({ path: 'p' })], 'TRUNCATED'],
    ['a long name without its entry', [special('L', 'n')], 'TRUNCATED'],
    ['a size that is no number', [block({ name: 'a', size: 'nonsense' })], 'HEADER_INVALID', 0],
    ['a size below zero', [block({ name: 'a', size: base256(-1, 12) })], 'HEADER_INVALID'],
    [
      'a size that is not exact',
      [block({ name: 'a', size: Buffer.from('80ffffffffffffffffffffff', 'hex') })],
      'HEADER_INVALID',
    ],
    ['a type nobody knows', [block({ name: 'a', type: 'Q' })], 'UNSUPPORTED'],
    ['one block of zeros between entries', [Buffer.alloc(512), block({ name: 'a' }), end], 'HEADER_INVALID', 512],
    ['a PAX record longer than its header', [special('x', '99 path=a\n'), block({ name: 'a' })], 'HEADER_INVALID'],
    ['a PAX record without a newline', [special('x', '9 path=ab'), block({ name: 'a' })], 'HEADER_INVALID'],
    ['a PAX record without a key', [special('x', '6 =ab\n'), block({ name: 'a' })], 'HEADER_INVALID'],
    ['a PAX record without an equals sign', [special('x', '7 path\n'), block({ name: 'a' })], 'HEADER_INVALID'],
    ['a PAX record without a length', [special('x', 'path=a\n'), block({ name: 'a' })], 'HEADER_INVALID'],
    ['a PAX record of length 0', [special('x', '0 path=a\n'), block({ name: 'a' })], 'HEADER_INVALID'],
    ['a PAX size below zero', [pax({ size: '-1' }), block({ name: 'a' })], 'HEADER_INVALID'],
    ['a PAX time that is none', [pax({ mtime: 'now' }), block({ name: 'a' })], 'HEADER_INVALID'],
    ['a PAX path with a NUL', [pax({ path: 'a\0b' }), block({ name: 'a' })], 'HEADER_INVALID'],
    [
      'a sparse map longer than the file',
      [pax({ 'GNU.sparse.size': '3', 'GNU.sparse.map': '2,2' }), block({ name: 's', size: octal(2) }), padded('ab')],
      'HEADER_INVALID',
    ],
    [
      'a sparse map that overlaps',
      [
        pax({ 'GNU.sparse.size': '9', 'GNU.sparse.map': '0,2,1,2' }),
        block({ name: 's', size: octal(4) }),
        padded('abcd'),
      ],
      'HEADER_INVALID',
    ],
    [
      'a sparse map of other bytes than are stored',
      [pax({ 'GNU.sparse.size': '9', 'GNU.sparse.map': '0,2' }), block({ name: 's', size: octal(4) }), padded('abcd')],
      'HEADER_INVALID',
    ],
    [
      'a sparse map with half a segment',
      [pax({ 'GNU.sparse.size': '9', 'GNU.sparse.map': '0' }), block({ name: 's' })],
      'HEADER_INVALID',
    ],
    [
      'a sparse map that never ends',
      [
        pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '6' }),
        block({ name: 's', size: octal(512) }),
        padded('9\n0\n1\n'),
        block({ name: 'x' }),
      ],
      'HEADER_INVALID',
    ],
  ]
  for (const [rule, parts, code, offset] of rows) {
    await context.test(rule, async () => {
      await assert.rejects(read(parts), offset === undefined ? { code } : { code, offset })
    })
  }
})

test('what an archive may ask for is bounded', async (context) => {
  const long = pax({ comment: 'c'.repeat(600) })
  const many = Array.from({ length: 200 }, (_, at) => `${at * 2},1`).join(',')
  const rows: readonly [rule: string, parts: readonly Buffer[]][] = [
    ['one large PAX header', [pax({ comment: 'c'.repeat(2000) }), block({ name: 'a' })]],
    ['several PAX headers before one entry', [long, long, block({ name: 'a' })]],
    [
      'global PAX headers all together',
      [pax({ a: 'a'.repeat(600) }, 'g'), block({ name: 'a' }), pax({ b: 'b'.repeat(600) }, 'g'), block({ name: 'a' })],
    ],
    ['a long name', [special('L', 'n'.repeat(2000)), block({ name: 'a' })]],
    ['a size that only claims to be large', [block({ name: 'x', type: 'x', size: octal(8 ** 10) })]],
  ]
  for (const [rule, parts] of rows) {
    await context.test(rule, () => assert.rejects(read(parts, { maxHeaderBytes: 1000 }), { code: 'LIMIT' }))
  }
  await context.test('but several entries each have their own', async () => {
    assert.equal(
      (await read([long, block({ name: 'a' }), long, block({ name: 'b' })], { maxHeaderBytes: 1000 })).length,
      2,
    )
  })
  await context.test('segments of a sparse file', async () => {
    const parts = [
      pax({ 'GNU.sparse.size': '400', 'GNU.sparse.map': many }),
      block({ name: 's', size: octal(200) }),
      padded('x'.repeat(200)),
    ]
    assert.equal((await read(parts)).length, 1)
    await assert.rejects(read(parts, { maxSparseSegments: 100 }), { code: 'LIMIT' })
  })
})
