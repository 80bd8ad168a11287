import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cleanPath, joinPath } from './clean-path.ts'
import { parsePathPattern } from './path-pattern.ts'

test('path pattern: as filepath.Match', () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['abc', 'abc', true],
    ['*', 'abc', true],
    ['*c', 'abc', true],
    ['a*', 'a', true],
    ['a*', 'ab/c', false],
    ['a*/b', 'abc/b', true],
    ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[^e-g]', 'abc', true],
    ['a\\*b', 'a*b', true],
    ['a???b', 'a☺b', false],
    ['a?b', 'a☺b', true],
    ['[\\]a]', ']', true],
    ['[x\\-]', '-', true],
    ['**', 'ab', true],
    ['**', 'a/b', false],
  ]
  for (const [pattern, path, matches] of rows) {
    assert.equal(parsePathPattern(pattern)?.matches(path), matches, `${pattern} ${path}`)
  }
  for (const pattern of ['[', '[^', 'a[', '[]a]', '[-]', '[x-]', 'a\\'])
    assert.equal(parsePathPattern(pattern), undefined)
})

test('clean path: as path.Clean', () => {
  const rows = [
    ['', '.'],
    ['a/../..', '..'],
    ['/../a//b/./c/', '/a/b/c'],
    ['a/..', '.'],
    ['../../a', '../../a'],
    ['/', '/'],
  ]
  for (const [path, cleaned] of rows) assert.equal(cleanPath(path!), cleaned)
  assert.equal(joinPath('/app', 'x/../y'), '/app/y')
  assert.equal(joinPath('/app', '/y'), '/y')
})
