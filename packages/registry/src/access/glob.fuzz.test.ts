import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { parseGlob } from './glob.ts'

const alphabet = fc.constantFrom('a', 'b', '/', '*', '?', '-')

/** The same by a regular expression, for patterns of which that is one. */
function expression(pattern: string): RegExp {
  const parts = pattern.match(/\*\*\/|(?<=.)\/\*\*$|\*+|[^*]/g) ?? []
  let before = ''
  const source = parts.map((part) => {
    const atStart = before === '' || before.endsWith('/')
    before += part
    if (part === '**/') return atStart ? '(?:.*/)?' : '.*/'
    if (part === '/**') return '(?:/.*)?'
    if (part.startsWith('**')) return '.*'
    if (part === '*') return '[^/]*'
    return part === '?' ? '[^/]' : part
  })
  return new RegExp(`^${source.join('')}$`, 's')
}

describe('patterns', () => {
  test('match what the regular expression of the same meaning matches', () => {
    const patterns = fc.array(alphabet, { minLength: 1, maxLength: 8 }).map((chars) => chars.join(''))
    const texts = fc.array(fc.constantFrom('a', 'b', '/', '-'), { maxLength: 10 }).map((chars) => chars.join(''))
    fc.assert(
      fc.property(
        patterns.filter((pattern) => !pattern.includes('***')),
        texts,
        (pattern, text) => {
          assert.equal(parseGlob(pattern).matches(text), expression(pattern).test(text))
        },
      ),
      { numRuns: 3000 },
    )
  })

  test('of anybody are read or refused, and never throw when they match', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), fc.string(), fc.string(), (pattern, text, user) => {
        let glob
        try {
          glob = parseGlob(pattern, { variables: true })
        } catch (error) {
          assert.ok(error instanceof SyntaxError)
          return
        }
        assert.equal(typeof glob.matches(text, user), 'boolean')
      }),
      { numRuns: 3000 },
    )
  })

  test('without special characters match themselves and nothing else', () => {
    const names = fc.stringMatching(/^[a-z0-9./-]{1,30}$/)
    fc.assert(
      fc.property(names, names, (name, other) => {
        assert.ok(parseGlob(name).matches(name))
        assert.equal(parseGlob(name).matches(other), name === other)
      }),
    )
  })

  test('with many stars take no time that grows with their number', () => {
    // A backtracking matcher would not come back from this one.
    const glob = parseGlob(`${'*a'.repeat(200)}b`)
    assert.equal(glob.matches('a'.repeat(5000)), false)
  })
})
