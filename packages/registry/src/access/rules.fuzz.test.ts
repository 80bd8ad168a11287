import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { parseAccessConfig } from './access-config.ts'
import { grants, isAllowed, isAllowedAnything } from './rules.ts'
import type { Subject } from './rules.ts'

const names = fc.constantFrom('alice', 'bob', 'team')
const repositories = fc.constantFrom('alice', 'alice/app', 'bob/app', 'team/app', 'team/app/web', 'public')
const patterns = fc.constantFrom('**', '*', 'team/**', '{user}/**', 'public', '*/app')
const rules = fc.array(
  fc.record({
    who: fc.array(
      fc.oneof(
        fc.constantFrom('anonymous', 'users', 'everyone', 'group:devs', 'key:ci'),
        names.map((name) => `user:${name}`),
      ),
      { minLength: 1, maxLength: 2 },
    ),
    repositories: fc.array(patterns, { minLength: 1, maxLength: 2 }),
    actions: fc.subarray([...grants], { minLength: 1 }),
  }),
  { maxLength: 5 },
)
const subjects: fc.Arbitrary<Subject> = fc.oneof(
  fc.constant({ kind: 'anonymous', name: '' } as const),
  names.map((name) => ({ kind: 'user', name, user: name }) as const),
  fc.constant({ kind: 'key', name: 'ci' } as const),
)

describe('rules', () => {
  test('only ever give more when there are more of them, and nothing when there are none', () => {
    fc.assert(
      fc.property(
        rules,
        rules,
        subjects,
        repositories,
        fc.constantFrom(...grants),
        (some, more, subject, name, action) => {
          const groups = { devs: ['alice'] }
          const few = parseAccessConfig({ groups, rules: some })
          const many = parseAccessConfig({ groups, rules: [...some, ...more] })
          if (isAllowed(few, subject, name, action)) {
            assert.ok(isAllowed(many, subject, name, action))
            assert.ok(isAllowedAnything(few, subject))
            if (action !== 'delete') assert.ok(isAllowed(few, subject, name, 'catalog'))
          }
          assert.equal(isAllowed(parseAccessConfig({ groups, rules: [] }), subject, name, action), false)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('of a key take away from what its user may, and never add', () => {
    fc.assert(
      fc.property(rules, rules, names, repositories, fc.constantFrom(...grants), (some, own, user, name, action) => {
        const book = parseAccessConfig({ groups: { devs: ['alice'] }, rules: some })
        const confined = parseAccessConfig({ groups: { devs: [] }, rules: own }).rules ?? []
        const plain: Subject = { kind: 'user', name: user, user }
        const key: Subject = { kind: 'key', name: 'other', user, confined }
        if (isAllowed(book, key, name, action)) {
          assert.ok(isAllowed(book, plain, name, action))
          assert.ok(isAllowed({ rules: confined.map((rule) => ({ ...rule, who: ['users'] })) }, plain, name, action))
        }
      }),
      { numRuns: 2000 },
    )
  })
})
