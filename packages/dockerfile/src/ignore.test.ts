import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseIgnoreFile } from './ignore.ts'

const rows: readonly (readonly [rule: string, file: string, path: string, ignored: boolean])[] = [
  ['a name matches at the root', 'a', 'a', true],
  ['a name does not match deeper', 'a', 'b/a', false],
  ['a directory takes its children', 'a', 'a/b/c', true],
  ['a leading slash means nothing', '/a', 'a', true],
  ['paths are cleaned', './a/../b/', 'b', true],
  ['* stays within an element', '*.md', 'x.md', true],
  ['* does not cross a slash', '*.md', 'd/x.md', false],
  ['*/* is one level down', '*/temp*', 'd/temp1', true],
  ['*/* is not two levels down', '*/temp*', 'a/b/temp1', false],
  ['? is one character', 'temp?', 'tempa', true],
  ['? is not none', 'temp?', 'temp', false],
  ['**/ at any depth', '**/x', 'a/b/x', true],
  ['**/ at the root too', '**/x', 'x', true],
  ['** alone takes everything', '**', 'a/b', true],
  ['a/** takes what is in a', 'a/**', 'a/b/c', true],
  ['a/** does not take a', 'a/**', 'a', false],
  ['** in the middle', 'a/**/c', 'a/b/b/c', true],
  ['** in the middle may be nothing', 'a/**/c', 'a/c', true],
  ['**.go is a suffix', '**.go', 'a/x.go', true],
  ['**name is a suffix of the name too', '**foo', 'barfoo', true],
  ['**/*.go at any depth', '**/*.go', 'a/b/x.go', true],
  ['a class', '[a-c]x', 'bx', true],
  ['a negated class', '[^a-c]x', 'bx', false],
  ['an escaped star', 'a\\*', 'a*', true],
  ['an escaped star matches nothing else', 'a\\*', 'ab', false],
  ['a dot is a dot', 'a.b', 'axb', false],
  ['! re-includes', '*.md\n!README.md', 'README.md', false],
  ['the last match wins', '*.md\n!README*.md\nREADME-secret.md', 'README-secret.md', true],
  ['the order counts', '!README.md\n*.md', 'README.md', true],
  ['! inside an ignored directory', 'd\n!d/keep', 'd/keep', false],
  ['! inside an ignored directory leaves the rest', 'd\n!d/keep', 'd/other', true],
  ['! with blanks after it', 'd\n! d/keep', 'd/keep', false],
  ['a comment', '#a', '#a', false],
  ['# after a blank is no comment', ' #a', '#a', true],
  ['blanks around a pattern do not count', '  a  ', 'a', true],
  ['CRLF', 'a\r\nb\r\n', 'b', true],
  ['a byte order mark', '\uFEFFa', 'a', true],
  ['an empty file', '', 'a', false],
]

test('ignore file: what is ignored', async (t) => {
  for (const [rule, file, path, ignored] of rows) {
    await t.test(rule, () => assert.equal(parseIgnoreFile(file).ignores(path), ignored))
  }
})

test('ignore file: malformed patterns are refused with their place', () => {
  for (const pattern of ['!', '[a', 'a\\', '[]a]', '[-]', 'x[a-]']) {
    assert.throws(
      () => parseIgnoreFile(`ok\n${pattern}`),
      { code: 'PATTERN_INVALID', line: 2, file: '.dockerignore' },
      pattern,
    )
  }
})

test('ignore file: says which ignored directories must still be walked', () => {
  const matcher = parseIgnoreFile('d\n!d/a/b\n!e*/x')
  const answers = ['d', 'd/a', 'd/c', 'd/a/b', 'e1'].map((path) => matcher.mayReinclude(path))
  assert.deepEqual(answers, [true, true, true, true, true])
  const plain = parseIgnoreFile('d\n!d/a/b')
  assert.deepEqual(
    ['d', 'd/a', 'd/c', 'd/a/b', 'e'].map((path) => plain.mayReinclude(path)),
    [true, true, false, false, false],
  )
})

test('ignore file: a walk gives the same answers as single questions', () => {
  const element = fc.constantFrom('a', 'b', 'ab', 'x.md')
  const pattern = fc.array(fc.constantFrom('a', 'b', '*', '**', '/', '!', '?', '[ab]', '.md'), {
    minLength: 1,
    maxLength: 6,
  })
  fc.assert(
    fc.property(
      fc.array(pattern, { maxLength: 4 }),
      fc.array(element, { minLength: 1, maxLength: 5 }),
      (lines, path) => {
        const text = lines.map((line) => line.join('')).join('\n')
        let matcher
        try {
          matcher = parseIgnoreFile(text)
        } catch {
          return
        }
        const state = matcher.visit(path[0]!)
        assert.equal(typeof state.ignored, 'boolean')
        if (matcher.ignores(path.join('/'))) return
        // What is not ignored must be reachable by a walk that skips what cannot come back.
        for (let length = 1; length < path.length; length++) {
          const parent = path.slice(0, length).join('/')
          assert.ok(!matcher.ignores(parent) || matcher.mayReinclude(parent), `${text} ${parent}`)
        }
      },
    ),
    { numRuns: 3000 },
  )
})

test('ignore file: a hostile pattern takes no time', () => {
  const matcher = parseIgnoreFile('**/*a*/'.repeat(50) + 'x')
  assert.equal(matcher.ignores(`${'a/'.repeat(2000)}y`.slice(0, 400)), false)
})
