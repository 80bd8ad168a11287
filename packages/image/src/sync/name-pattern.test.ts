import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseNamePattern, selectsName } from './name-pattern.ts'

const rows: readonly [pattern: string, matching: readonly string[], others: readonly string[]][] = [
  ['1.*', ['1.', '1.2', '1.2.3'], ['1', '21.', '1/2', '']],
  ['*', ['', 'latest'], ['a/b']],
  ['team/*', ['team/app'], ['team', 'team/a/b']],
  ['team/**', ['team/app', 'team/a/b'], ['team', 'teams/a']],
  ['v?', ['v1'], ['v', 'v12', 'v/']],
  ['[a-c]x', ['ax', 'cx'], ['dx', 'x']],
  ['[!a-c]x', ['dx'], ['ax']],
  ['{latest,stable}', ['latest', 'stable'], ['latest,stable', 'late']],
  ['1.{1,2}.*', ['1.1.0', '1.2.9'], ['1.3.0']],
  ['a.b', ['a.b'], ['axb']],
  ['a+b(c)|d$^', ['a+b(c)|d$^'], ['aab']],
  ['/v\\d+\\.\\d+/', ['v1.2', 'v10.20'], ['v1', 'v1.2.3', 'xv1.2']],
  ['/^(a|b)?c{2,3}$/', ['cc', 'acc', 'bccc'], ['c', 'abcc', 'cccc']],
  ['/[^-]+-(alpine|slim)/', ['1-alpine', '1.2-slim'], ['1-2-alpine', '-alpine', '1-alpine3']],
  ['/(?:x[a-f0-9])*/', ['', 'x1xf'], ['x', 'xg']],
  ['/.*a.*b/', ['ab', 'xaxb'], ['ba']],
  ['/\\w\\W\\s\\S\\D/', ['a. bc'], ['a. b1']],
]

for (const [pattern, matching, others] of rows) {
  test(`the pattern ${pattern} matches whole names`, () => {
    const compiled = parseNamePattern(pattern)
    assert.deepEqual(
      matching.filter((name) => !compiled.matches(name)),
      [],
    )
    assert.deepEqual(
      others.filter((name) => compiled.matches(name)),
      [],
    )
  })
}

for (const pattern of [
  '/(/',
  '/)/',
  '/[a/',
  '/[]/',
  '/a**/',
  '/*/',
  '/a{2,1}/',
  '/(?=a)/',
  '/(a)\\1/',
  '/\\b/',
  '/((a{99}){99}){99}/',
  '{a',
  'x'.repeat(300),
  `/${'('.repeat(40)}a${')'.repeat(40)}/`,
]) {
  test(`the pattern ${pattern.slice(0, 30)} is refused`, () => {
    assert.throws(() => parseNamePattern(pattern), { code: 'PATTERN_INVALID' })
  })
}

test('patterns that other engines take years for are done at once', () => {
  const name = 'a'.repeat(500)
  for (const pattern of ['/(a*)*b/', '/(a|a)*b/', '/(a|aa)+b/', `/${'a?'.repeat(60)}b/`, `${'*a'.repeat(100)}b`]) {
    assert.equal(parseNamePattern(pattern).matches(name), false)
  }
})

test('expressions mean what they mean to JavaScript', () => {
  const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '(?:a|b)', '(ab)', '-')
  const repeat = fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,2}', '{0,}')
  const expression = fc
    .array(
      fc.tuple(atom, repeat).map(([one, times]) => one + times),
      { maxLength: 6 },
    )
    .map((all) => all.join(''))
  fc.assert(
    fc.property(fc.tuple(expression, expression), fc.stringMatching(/^[ab1-]{0,8}$/), ([left, right], name) => {
      const pattern = `${left}|${right}`
      assert.equal(parseNamePattern(`/${pattern}/`).matches(name), new RegExp(`^(?:${pattern})$`).test(name))
    }),
    { numRuns: 500 },
  )
})

test('what is left out counts more than what is taken in', () => {
  const [include, exclude] = [[parseNamePattern('1.*')], [parseNamePattern('*-rc*')]]
  assert.equal(selectsName('1.2', { include, exclude }), true)
  assert.equal(selectsName('1.2-rc1', { include, exclude }), false)
  assert.equal(selectsName('2', { include, exclude }), false)
  assert.equal(selectsName('2', { exclude }), true)
  assert.equal(selectsName('2', { include: [] }), true)
})
