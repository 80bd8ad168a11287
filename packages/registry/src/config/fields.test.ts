import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConfigError } from './config-error.ts'
import {
  bytes,
  duration,
  integer,
  listOf,
  mapOf,
  objectOf,
  oneOf,
  optional,
  secret,
  text,
  truth,
  url,
} from './fields.ts'

const read = objectOf({
  name: text(),
  kind: optional(oneOf(['a', 'b'])),
  count: optional(integer({ min: 1, max: 9 })),
  every: optional(duration({ min: 1000 })),
  size: optional(bytes()),
  on: optional(truth()),
  where: optional(url()),
  key: optional(secret()),
  list: optional(listOf(text({ pattern: /^x/, what: 'a text with x' }), { min: 1 })),
  map: optional(mapOf(integer())),
})

describe('the fields of a configuration', () => {
  test('what is absent stays absent, and units become numbers', () => {
    assert.deepEqual(read({ name: 'n' }, ''), { name: 'n' })
    const found = read({ name: 'n', every: '1.5m', size: '10GiB', map: { 'a b': 3 }, list: ['x1'] }, '')
    assert.deepEqual(found, { name: 'n', every: 90_000, size: 10 * 1024 ** 3, map: { 'a b': 3 }, list: ['x1'] })
  })

  const bad: readonly (readonly [value: unknown, path: string, says: RegExp])[] = [
    [[], 'root', /root is a list; it must be an object/],
    [{}, 'root.name', /is missing/],
    [{ name: '' }, 'root.name', /a text that is not empty/],
    [{ name: 'n', other: 1 }, 'root.other', /is not known; allowed here: name, kind,/],
    [{ name: 'n', kind: 'c' }, 'root.kind', /is "c"; it must be one of "a", "b"/],
    [{ name: 'n', where: 'ftp://ann:hunter2@x/' }, 'root.where', /is "ftp:\/\/…@x\/"; it must be a URL/],
    [{ name: 'n', kind: 'ann:hunter2@x' }, 'root.kind', /is "…@x"; it must be one of/],
    [{ name: 'n', count: 10 }, 'root.count', /from 1 to 9/],
    [{ name: 'n', count: 1.5 }, 'root.count', /is 1.5/],
    [{ name: 'n', every: '10' }, 'root.every', /a duration such as/],
    [{ name: 'n', every: '10ms' }, 'root.every', /1000 ms at least/],
    [{ name: 'n', size: '10XB' }, 'root.size', /a number of bytes/],
    [{ name: 'n', on: 'true' }, 'root.on', /true or false/],
    [{ name: 'n', where: 'ftp://h' }, 'root.where', /https:\/\/ or http:\/\//],
    [{ name: 'n', list: [] }, 'root.list', /needs 1 at least/],
    [{ name: 'n', list: ['x', 'y'] }, 'root.list[1]', /a text with x/],
    [{ name: 'n', map: { 'a b': 'c' } }, 'root.map."a b"', /a whole number/],
  ]
  for (const [value, path, says] of bad) {
    test(`${JSON.stringify(value)} is refused at ${path}`, () => {
      assert.throws(
        () => read(value, 'root'),
        (error) => error instanceof ConfigError && error.path === path && says.test(error.message),
      )
    })
  }

  test('a secret and a password in a URL are not shown', () => {
    assert.throws(
      () => read({ name: 'n', where: 'https://me:hunter2@h/' }, 'root'),
      (error) => error instanceof ConfigError && !error.message.includes('hunter2'),
    )
    assert.throws(
      () => read({ name: 'n', key: 12_345 }, 'root'),
      (error) => error instanceof ConfigError && !error.message.includes('12345'),
    )
  })
})
