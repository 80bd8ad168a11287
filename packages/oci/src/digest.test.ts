import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestAlgorithm, digestHex, isDigest, parseDigest } from './digest.ts'

const hex256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const hex512 = 'ab'.repeat(64)

test('digests of known algorithms are taken', () => {
  for (const [text, algorithm, hex] of [
    [`sha256:${hex256}`, 'sha256', hex256],
    [`sha512:${hex512}`, 'sha512', hex512],
  ] as const) {
    const digest = parseDigest(text)
    assert.equal(digest, text)
    assert.equal(digestAlgorithm(digest), algorithm)
    assert.equal(digestHex(digest), hex)
  }
})

test('everything else is refused', () => {
  const rows: readonly [rule: string, text: string][] = [
    ['nothing', ''],
    ['no algorithm', hex256],
    ['an algorithm nobody computes', `md5:${hex256.slice(32)}`],
    ['upper case', `sha256:${hex256.toUpperCase()}`],
    ['one digit short', `sha256:${hex256.slice(1)}`],
    ['one digit long', `sha256:${hex256}0`],
    ['the length of the other algorithm', `sha512:${hex256}`],
    ['something behind it', `sha256:${hex256}\n`],
    ['a path instead of digits', 'sha256:../../../etc/passwd'],
    ['what the conformance suite sends', 'sha256:baddigeststring'],
  ]
  for (const [rule, text] of rows) {
    assert.equal(isDigest(text), false, rule)
    assert.throws(() => parseDigest(text), { name: 'OciError', code: 'DIGEST_INVALID' }, rule)
  }
})
