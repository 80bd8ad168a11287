import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { expand, ExpansionError } from './expand.ts'

const variables: Record<string, string> = {
  PWD: '/home',
  SHELL: 'bash',
  EMPTY: '',
  FILE: 'archive.tar.gz',
  PATHS: '/a/b/a/c',
  STAR: 'a*c',
  KOREAN: '한국어',
  '0': 'zero',
  '12': 'twelve',
  '@': 'at',
}
const lookup = (name: string): string | undefined => variables[name]

const good: readonly (readonly [rule: string, word: string, value: string])[] = [
  ['plain text', 'hello', 'hello'],
  ['E1 a variable', 'x$PWD', 'x/home'],
  ['E1 a braced variable', 'x${PWD}y', 'x/homey'],
  ['E1 unset is empty', 'x$NOPE.', 'x.'],
  ['E1 the longest name', '$PWDx', ''],
  ['E1 letters of any alphabet', '$KOREAN', '한국어'],
  ['E2 :- takes the word when unset', '${NOPE:-w}', 'w'],
  ['E2 :- takes the word when empty', '${EMPTY:-w}', 'w'],
  ['E2 - keeps empty', '${EMPTY-w}', ''],
  ['E2 - takes the word when unset', '${NOPE-w}', 'w'],
  ['E2 :- keeps the value', '${PWD:-w}', '/home'],
  ['E2 :+ when set', '${PWD:+w}', 'w'],
  ['E2 :+ when empty', '${EMPTY:+w}', ''],
  ['E2 + when empty', '${EMPTY+w}', 'w'],
  ['E2 + when unset', '${NOPE+w}', ''],
  ['E3 ? keeps the value', '${PWD?no}', '/home'],
  ['E3 ? allows empty', '${EMPTY?no}', ''],
  ['E4 # shortest prefix', '${FILE#*.}', 'tar.gz'],
  ['E4 ## longest prefix', '${FILE##*.}', 'gz'],
  ['E4 % shortest suffix', '${FILE%.*}', 'archive.tar'],
  ['E4 %% longest suffix', '${FILE%%.*}', 'archive'],
  ['E4 # without a match', '${FILE#x}', 'archive.tar.gz'],
  ['E4 ? is one character', '${FILE#?}', 'rchive.tar.gz'],
  ['E4 % an escaped star', '${STAR%\\*c}', 'a'],
  ['E4 / the first match', '${PATHS/a/x}', '/x/b/a/c'],
  ['E4 // all matches', '${PATHS//a/x}', '/x/b/x/c'],
  ['E4 // the longest match', '${PATHS//a*a/x}', '/x/c'],
  ['E4 / an escaped slash', '${PATHS/\\/a/x}', 'x/b/a/c'],
  ['E4 / an empty replacement', '${PATHS//a/}', '//b//c'],
  ['E4 brackets mean nothing', '${FILE/[a]/x}', 'archive.tar.gz'],
  ['E4 of an unset variable', '${NOPE/a/b}', ''],
  ['E5 words nest', '${NOPE:-${EMPTY:-$PWD}}', '/home'],
  ['E5 braces close where they should', '${NOPE:-a}b}', 'ab}'],
  ['E6 special parameters', '$@', 'at'],
  ['E6 digits together', '$12', 'twelve'],
  ['E6 zero', '$0', 'zero'],
  ['E7 single quotes are literal', "'$PWD'", '$PWD'],
  ['E7 double quotes expand', '"$PWD"', '/home'],
  ['E7 double quotes hold single ones', '"it\'s"', "it's"],
  ['E7 escapes in double quotes', '"\\"\\$\\\\"', '"$\\'],
  ['E7 other escapes in double quotes stay', '"\\n"', '\\n'],
  ['E7 an escape outside quotes drops', '\\$PWD\\n', '$PWDn'],
  ['E7 a single quote does not escape', "'a\\'", 'a\\'],
  ['E7 $. stays', '$.x', '$.x'],
  ['E7 a $ at the end stays', 'x$', 'x$'],
  ['an escape at the end drops', 'x\\', 'x'],
]

test('expand: words that mean something', async (t) => {
  for (const [rule, word, value] of good) {
    await t.test(rule, () => assert.equal(expand(word, lookup, { escape: '\\' }).value, value))
  }
})

const bad: readonly (readonly [rule: string, word: string])[] = [
  ['E3 ? refuses unset', '${NOPE?}'],
  ['E3 :? refuses empty', '${EMPTY:?say why}'],
  ['E4 :# is no modifier', '${PWD:#x}'],
  ['E4 :% is no modifier', '${PWD:%x}'],
  ['E4 a wrong escape in a pattern', '${PWD#\\a}'],
  ['E4 / without an end', '${PWD/a}'],
  ['E7 an open single quote', "'x"],
  ['E7 an open double quote', '"x'],
  ['E8 an empty name', '${}'],
  ['E8 a colon first', '${:x}'],
  ['E8 a brace first', '${{x}}'],
  ['E8 never closed', '${PWD'],
  ['E8 never closed after a modifier', '${PWD:-x'],
  ['E8 an unknown modifier', '${PWD^x}'],
  ['nesting is bounded', '${a:-'.repeat(100) + '}'.repeat(100)],
]

test('expand: words that mean nothing', async (t) => {
  for (const [rule, word] of bad) {
    await t.test(rule, () => assert.throws(() => expand(word, lookup, { escape: '\\' }), ExpansionError))
  }
})

test('expand: the message of ${v:?message} is the reason', () => {
  assert.throws(() => expand('${EMPTY:?say why}', lookup, { escape: '\\' }), { message: 'EMPTY: say why' })
})

test('expand: another escape character', () => {
  assert.equal(expand('c:\\x`$PWD', lookup, { escape: '`' }).value, 'c:\\x$PWD')
})

test('expand: words are split after expansion, not inside quotes', () => {
  const env = (name: string): string | undefined => (name === 'L' ? '80 443' : undefined)
  assert.deepEqual(expand('$L 8080 "a b"', env, { escape: '\\' }).words, ['80', '443', '8080', 'a b'])
})

test('expand: says which names were used and which were unset', () => {
  const { used, unset } = expand('$PWD ${NOPE} ${NOPE:-x} ${OTHER:-x}', lookup, { escape: '\\' })
  assert.deepEqual([[...used], [...unset]], [['PWD'], ['NOPE']])
})

test('expand: results do not grow without bound', () => {
  const env = (): string => 'x'.repeat(100_000)
  assert.throws(() => expand('$a'.repeat(20), env, { escape: '\\' }), { code: 'EXPANSION_TOO_LARGE' })
})

test('expand: a pattern cannot take for ever', () => {
  const env = (): string => 'a'.repeat(60_000)
  assert.throws(() => expand(`\${v//a*a*a*${'?'.repeat(2000)}b/x}`, env, { escape: '\\' }), {
    code: 'EXPANSION_TOO_LARGE',
  })
})

test('expand: any text either expands or fails with a reason', () => {
  const piece = fc.constantFrom('$', '{', '}', ':', '-', '#', '%', '/', '*', '?', '\\', '"', "'", 'PWD', 'x', ' ', '😀')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        expand(pieces.join(''), lookup, { escape: '\\' })
      } catch (error) {
        assert.ok(error instanceof ExpansionError, String(error))
      }
    }),
    { numRuns: 2000 },
  )
})
