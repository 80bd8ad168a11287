import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { normalizeEntryPath } from './entry-path.ts'
import { TarError } from './errors.ts'
import { decodeText, encodeText } from './text.ts'
import { opaqueName, whiteoutName, whiteoutOf } from './whiteout.ts'

test('paths have one form', () => {
  for (const [path, expected] of [
    ['a', 'a'],
    ['a/b', 'a/b'],
    ['a/b/', 'a/b'],
    ['./a', 'a'],
    ['/a', 'a'],
    ['//a//b', 'a/b'],
    ['a/./b', 'a/b'],
    ['a/../b', 'b'],
    ['a/b/..', 'a'],
    ['.', '.'],
    ['./', '.'],
    ['/', '.'],
    ['a/..', '.'],
    ['.hidden', '.hidden'],
    ['...', '...'],
    ['a/..b', 'a/..b'],
  ] as const) {
    assert.equal(normalizeEntryPath(path), expected, path)
    assert.equal(normalizeEntryPath(expected), expected)
  }
})

test('paths out of the root are refused', () => {
  for (const path of ['..', '../a', '/..', 'a/../..', 'a/../../b', './../a', '../../etc/passwd']) {
    assert.throws(() => normalizeEntryPath(path), { code: 'PATH_ESCAPES' }, path)
  }
  for (const path of ['', 'a\0b']) assert.throws(() => normalizeEntryPath(path), { code: 'HEADER_INVALID' }, path)
})

test('paths that no kernel takes are refused: each of their directories would cost memory', () => {
  assert.equal(normalizeEntryPath('a/'.repeat(2047) + 'b').length, 4095)
  assert.throws(() => normalizeEntryPath('a/'.repeat(2048) + 'b'), { code: 'LIMIT' })
})

test('no path has a part that is empty, "." or ".." afterwards', () => {
  const paths = fc
    .array(fc.constantFrom('a', '.', '..', '', 'b.c', '...'), { maxLength: 8 })
    .map((all) => all.join('/'))
  const property = fc.property(paths, (path) => {
    let normal
    try {
      normal = normalizeEntryPath(path)
    } catch (error) {
      return assert.ok(error instanceof TarError)
    }
    if (normal !== '.') for (const part of normal.split('/')) assert.ok(!['', '.', '..'].includes(part))
  })
  fc.assert(property)
})

test('whiteouts name what they hide', () => {
  assert.deepEqual(whiteoutOf('a/.wh.b'), { kind: 'file', path: 'a/b' })
  assert.deepEqual(whiteoutOf('.wh.b'), { kind: 'file', path: 'b' })
  assert.deepEqual(whiteoutOf('a/.wh..wh..opq'), { kind: 'opaque', path: 'a' })
  assert.deepEqual(whiteoutOf('.wh..wh..opq'), { kind: 'opaque', path: '.' })
  for (const path of ['a', 'a/wh.b', '.wh.dir/b', 'a.wh.b']) assert.equal(whiteoutOf(path), undefined, path)
  for (const path of ['a/b', 'b']) assert.deepEqual(whiteoutOf(whiteoutName(path)), { kind: 'file', path })
  for (const path of ['a', '.']) assert.deepEqual(whiteoutOf(opaqueName(path)), { kind: 'opaque', path })
})

test('a whiteout cannot hide its own directory, or one above', () => {
  for (const path of ['a/.wh.', 'a/.wh..', 'a/.wh...', '.wh...']) {
    assert.throws(() => whiteoutOf(path), { code: 'PATH_ESCAPES' }, path)
  }
})

test('names keep their bytes, UTF-8 or not', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    assert.deepEqual(Buffer.from(encodeText(decodeText(bytes))), Buffer.from(bytes))
  })
  fc.assert(property, { numRuns: 500 })
  assert.equal(decodeText(Buffer.from('aő𝄞')), 'aő𝄞')
})
