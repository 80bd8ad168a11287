import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { matchesRepository, repositoryPattern } from './repository-pattern.ts'

const rows: readonly (readonly [string, string, boolean])[] = [
  ['library/*', 'library/alpine', true],
  ['library/*', 'library/a/b', false],
  ['library/*', 'xlibrary/a', false],
  ['team/**', 'team/a/b', true],
  ['team/**', 'team', true],
  ['team/**', 'teams/a', false],
  ['**', 'a/b/c', true],
  ['*', 'a/b', false],
  ['**/secret', 'a/b/secret', true],
  ['a.b/*', 'axb/c', false],
  ['app-*', 'app-1', true],
  ['app-*', 'app-1/x', false],
]

describe('repository patterns', () => {
  for (const [pattern, repository, matches] of rows) {
    test(`${pattern} ${matches ? 'stands' : 'does not stand'} for ${repository}`, () => {
      assert.equal(matchesRepository(pattern, repository), matches)
    })
  }

  for (const bad of ['', '/a', 'a/', 'A/*', 'a//b', 'a b', 1, '[a]']) {
    test(`${JSON.stringify(bad)} is refused`, () => {
      assert.throws(() => repositoryPattern()(bad, 'allow[0]'), { code: 'CONFIG_INVALID', path: 'allow[0]' })
    })
  }
})
