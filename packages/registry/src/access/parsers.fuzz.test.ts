import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { isRepositoryName } from '@gantry/oci'
import { parseCredentials } from './credentials.ts'
import { parseHtpasswd } from './htpasswd.ts'
import { formatScopes, parseScopes } from './scope.ts'
import { readToken, signToken } from './signed-token.ts'

const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.stringMatching(/^[a-z:,*/ ().-]{0,60}$/))

describe('what comes from anybody', () => {
  test('scopes are read as names and actions that can be, and read the same again', () => {
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 20 }), (texts) => {
        const scopes = parseScopes(texts) ?? []
        for (const scope of scopes) if (scope.kind === 'repository') assert.ok(isRepositoryName(scope.name))
        assert.deepEqual(
          parseScopes([formatScopes(scopes)]),
          scopes.filter((scope) => scope.kind === 'catalog' || scope.actions.length > 0),
        )
      }),
      { numRuns: 2000 },
    )
  })

  test('credentials are read, whatever they are', () => {
    fc.assert(
      fc.property(fc.constantFrom('Basic ', 'Bearer ', ''), anything, (scheme, text) => {
        parseCredentials(scheme + text)
        const encoded = Buffer.from(text).toString('base64')
        const read = parseCredentials(`Basic ${encoded}`)
        if (read.kind === 'basic') assert.equal(`${read.user}:${read.password}`, Buffer.from(text).toString())
      }),
    )
  })

  test('a token that was changed is none', () => {
    const secret = Buffer.alloc(32, 7)
    const claims = { iss: 'a', aud: 'a', sub: 'bob', kind: 'user', bound: 'x', iat: 0, exp: 1000, jti: '1' } as const
    const token = signToken('access', claims, secret)
    const options = { secret, now: 0 }
    assert.deepEqual(readToken('access', token, options), claims)
    assert.equal(readToken('refresh', token, options), undefined)
    assert.equal(readToken('access', token, { ...options, now: 1_000_000 }), undefined)
    assert.equal(readToken('access', token, { ...options, secret: Buffer.alloc(32) }), undefined)
    fc.assert(
      fc.property(fc.nat({ max: token.length - 1 }), fc.string({ maxLength: 3 }), (at, text) => {
        const changed = token.slice(0, at) + text + token.slice(at + 1)
        if (changed !== token) assert.equal(readToken('access', changed, options), undefined)
      }),
      { numRuns: 2000 },
    )
    fc.assert(fc.property(anything, (text) => readToken('access', text, options) === undefined))
  })

  test('password files are read or refused with a code', () => {
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 5 }), (lines) => {
        try {
          parseHtpasswd(lines.join('\n'))
        } catch (error) {
          assert.ok(error instanceof Error && 'code' in error && error.code === 'HTPASSWD_INVALID')
        }
      }),
    )
  })
})
