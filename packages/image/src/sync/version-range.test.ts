import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareVersions, parseVersion, parseVersionRange } from './version-range.ts'

const rows: readonly [range: string, inside: readonly string[], outside: readonly string[]][] = [
  ['>=1.2 <2', ['1.2.0', 'v1.2', '1.99.3'], ['1.1.9', '2.0.0', 'latest', '1.3.0-rc.1', '1.2.0-alpine']],
  ['^1.4', ['1.4.0', '1.9.9'], ['1.3.9', '2.0.0']],
  ['^0.2.3', ['0.2.3', '0.2.9'], ['0.2.2', '0.3.0']],
  ['^0.0.3', ['0.0.3'], ['0.0.4']],
  ['^0', ['0.5.0'], ['1.0.0']],
  ['^0.0', ['0.0.9'], ['0.1.0']],
  ['~1.2.3', ['1.2.3', '1.2.9'], ['1.2.2', '1.3.0']],
  ['~1', ['1.9.0'], ['2.0.0']],
  ['1.x', ['1.0.0', '1.5'], ['2.0.0']],
  ['1.2', ['1.2.0', '1.2.9'], ['1.3.0']],
  ['1.2.3', ['1.2.3', 'v1.2.3+build'], ['1.2.4']],
  ['=1.2.3', ['1.2.3'], ['1.2.4']],
  ['1.2 - 1.4', ['1.2.0', '1.4.9'], ['1.5.0']],
  ['1.2 - 1.4.2', ['1.4.2'], ['1.4.3']],
  ['> 1.2', ['1.3.0'], ['1.2.9']],
  ['<=1.2', ['1.2.9'], ['1.3.0']],
  ['<1.2', ['1.1.9'], ['1.2.0', '1.2.0-rc.1']],
  ['1.x || >=3', ['1.5.0', '3.0.0'], ['2.0.0']],
  ['*', ['0.0.1', '9'], ['x', '1.0.0-rc.1']],
  ['', ['1.0.0'], ['main']],
  ['>=1.3.0-rc.1', ['1.3.0-rc.1', '1.3.0-rc.2', '1.3.0'], ['1.3.0-beta', '1.4.0-rc.1']],
]

for (const [range, inside, outside] of rows) {
  test(`the range ${JSON.stringify(range)}`, () => {
    const compiled = parseVersionRange(range)
    assert.deepEqual(
      inside.filter((tag) => !compiled.includes(tag)),
      [],
    )
    assert.deepEqual(
      outside.filter((tag) => compiled.includes(tag)),
      [],
    )
  })
}

for (const range of ['>=a', '1.2.3.4', '^^1', '1.x.3.4', '>', 'latest', `>=${'1'.repeat(20)}`, '1 '.repeat(200)]) {
  test(`the range ${JSON.stringify(range.slice(0, 20))} is refused`, () => {
    assert.throws(() => parseVersionRange(range), { code: 'RANGE_INVALID' })
  })
}

test('versions are ordered as Semantic Versioning says', () => {
  const ordered = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.10.0',
    '2',
  ]
  const shuffled = ordered.toReversed().toSorted((a, b) => compareVersions(parseVersion(a)!, parseVersion(b)!))
  assert.deepEqual(shuffled, ordered)
})
