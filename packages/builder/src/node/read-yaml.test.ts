import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { BuildError } from '../build-error.ts'
import { readYaml, type YamlValue } from './read-yaml.ts'

const good: readonly (readonly [rule: string, text: string, value: YamlValue])[] = [
  ['nothing is null', '\n# only a comment\n', null],
  ['plain scalars are texts', 'a: 1.10\nb: x y', { a: '1.10', b: 'x y' }],
  ['true, false and null', 'a: true\nb: false\nc: ~\nd:', { a: true, b: false, c: null, d: null }],
  ['quoted scalars', `'it''s': "a\\tb"`, { "it's": 'a\tb' }],
  ['a quoted number is a text', "a: '9.0'", { a: '9.0' }],
  ['nested mappings', 'a:\n  b:\n    c: d\n  e: f', { a: { b: { c: 'd' }, e: 'f' } }],
  ['lists, indented and not', 'a:\n  - x\n  - y\nb:\n- z', { a: ['x', 'y'], b: ['z'] }],
  ['mappings in lists', '- a: 1\n  b: 2\n- c: 3', [{ a: '1', b: '2' }, { c: '3' }]],
  [
    'flow collections',
    'r: {integrity: sha512-a==, os: [linux, "x y"], e: {}}',
    { r: { integrity: 'sha512-a==', os: ['linux', 'x y'], e: {} } },
  ],
  ['a colon in a plain flow scalar', 'r: {t: https://x/y}', { r: { t: 'https://x/y' } }],
  ['comments behind values', 'a: b # c\nd: "e" # f', { a: 'b', d: 'e' }],
  ['a hash in a plain scalar', 'a: b#c', { a: 'b#c' }],
  [
    'keys with @, ( and :',
    "'@x/y@1.0.0(z@2)':\n  a: b\n/q@1(r@npm:2): {}",
    { '@x/y@1.0.0(z@2)': { a: 'b' }, '/q@1(r@npm:2)': {} },
  ],
  ['long keys', '? "very long"\n:\n  a: b', { 'very long': { a: 'b' } }],
  ['block scalars', 'a: |-\n  one: two\n  three\nb: c', { a: 'one: two\nthree', b: 'c' }],
  ['CRLF', 'a: b\r\nc: d\r\n', { a: 'b', c: 'd' }],
  ['__proto__ is a name like any other', '__proto__: {a: b}', JSON.parse('{"__proto__":{"a":"b"}}')],
]

for (const [rule, text, value] of good) {
  test(`YAML: ${rule}`, () => assert.deepEqual(readYaml(text, 'x.yaml'), value))
}

const bad: readonly (readonly [rule: string, text: string, line: number])[] = [
  ['a quote that does not end', 'a: "b', 1],
  ['an alias', 'a: &b c\nd: *b', 2],
  ['a tag that makes something else', 'x: y\na: !!binary aGk=', 2],
  ['a key a second time', 'a: b\na: c', 2],
  ['a line that is indented too far', 'a: b\n    c: d', 2],
  ['a tab', 'a:\n\tb: c', 2],
  ['a flow collection that does not end', 'a: {b: c', 1],
  ['a line without a key', 'a: b\nc', 2],
  ['lists in lists without end', `a: ${'['.repeat(100_000)}`, 1],
]

test('YAML: several documents are refused', () => {
  assert.throws(() => readYaml('a: b\n---\nc: d', 'x.yaml'), { code: 'LOCKFILE_INVALID' })
})

for (const [rule, text, line] of bad) {
  test(`YAML: ${rule} is refused`, () => {
    assert.throws(
      () => readYaml(text, 'x.yaml'),
      (error) =>
        error instanceof BuildError && error.code === 'LOCKFILE_INVALID' && error.message.includes(`line ${line}:`),
    )
  })
}

test('YAML: anything is read or refused', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', ':', ' ', '\n', '-', "'", '"', '{', '}', '[', ']', ',', '#', '|', '?', '\\'),
    maxLength: 80,
  })
  fc.assert(
    fc.property(text, (written) => {
      try {
        readYaml(written, 'x.yaml')
      } catch (error) {
        assert.ok(error instanceof BuildError, String(error))
      }
    }),
    { numRuns: 3000 },
  )
})
