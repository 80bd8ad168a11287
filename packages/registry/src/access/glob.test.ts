import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseGlob } from './glob.ts'

describe('parseGlob', () => {
  const rows: readonly (readonly [pattern: string, text: string, matches: boolean, rule: string])[] = [
    ['a', 'a', true, 'a text is itself'],
    ['a', 'ab', false, 'and nothing more'],
    ['a.c', 'abc', false, 'a dot is a dot'],
    ['a+', 'aa', false, 'a plus is a plus'],
    ['*', 'alpine', true, 'a star is one part'],
    ['*', 'library/alpine', false, 'and no more parts'],
    ['team/*', 'team/app', true, 'a star after a slash'],
    ['team/*', 'team/app/web', false, 'does not go deeper'],
    ['team/*', 'team', false, 'needs the slash'],
    ['team/**', 'team/app/web', true, 'a double star goes deeper'],
    ['team/**', 'team', true, 'and is the folder itself'],
    ['team/**/*', 'team', false, 'unless something has to be below'],
    ['/**', 'team', false, 'a leading slash is one'],
    ['team/**', 'teams/app', false, 'a prefix is not enough'],
    ['**', 'a/b/c', true, 'a double star is everything'],
    ['**', '', true, 'the empty text too'],
    ['**/app', 'app', true, 'any folders may be none'],
    ['**/app', 'a/b/app', true, 'or several'],
    ['**/app', 'a/b/myapp', false, 'whole parts only'],
    ['a/**/z', 'a/z', true, 'none between'],
    ['a/**/z', 'a/b/c/z', true, 'some between'],
    ['a/**/z', 'a/bz', false, 'whole parts between'],
    ['x**/y', 'xa/b/y', true, 'a double star in a part is any text'],
    ['v?', 'v1', true, 'a question mark is one character'],
    ['v?', 'v', false, 'and not none'],
    ['a?b', 'a/b', false, 'and no slash'],
    ['v[0-9]*', 'v10', true, 'a set'],
    ['v[0-9]*', 'vx', false, 'of others not'],
    ['v[!0-9]', 'vx', true, 'a set of others'],
    ['v[!0-9]', 'v/', false, 'never a slash'],
    ['[a-c-]', '-', true, 'a hyphen at the end is one'],
    ['{dev,prod}/*', 'prod/app', true, 'either'],
    ['{dev,prod}/*', 'test/app', false, 'of those only'],
    ['app{,-debug}', 'app', true, 'an empty alternative'],
    ['{a,b}{c,d}', 'bd', true, 'two groups'],
  ]
  for (const [pattern, text, matches, rule] of rows) {
    test(`${rule}: ${pattern} and ${text}`, () => assert.equal(parseGlob(pattern).matches(text), matches))
  }

  const users: readonly (readonly [pattern: string, text: string, user: string | undefined, matches: boolean])[] = [
    ['{user}/**', 'alice/app', 'alice', true],
    ['{user}/**', 'alice', 'alice', true],
    ['{user}/**', 'alicea/app', 'alice', false],
    ['{user}/**', 'bob/app', 'alice', false],
    ['home-{user}', 'home-alice', 'alice', true],
    ['{user}/**', 'alice/app', undefined, false],
    ['{user}/**', '/app', '', false],
    ['{user}/**', 'bob/app', '*', false],
    ['{user}/**', 'bob/team/app', 'bob/team', false],
    ['{user}/**', 'alice/app', 'Alice', false],
    ['{user,x}/**', 'user/app', 'alice', true],
  ]
  for (const [pattern, text, user, matches] of users) {
    test(`${pattern} of ${String(user)} and ${text}: ${matches}`, () => {
      assert.equal(parseGlob(pattern, { variables: true }).matches(text, user), matches)
    })
  }

  for (const bad of ['', 'a'.repeat(513), '{a', 'a}', '{a,{b,c}}', '{a}', '{user}', '[a', '[]', '{a,b}'.repeat(7)]) {
    test(`${bad.slice(0, 40)} is no pattern`, () => assert.throws(() => parseGlob(bad), SyntaxError))
  }
})
