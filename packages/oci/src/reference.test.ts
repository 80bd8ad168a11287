import assert from 'node:assert/strict'
import { test } from 'node:test'
import { referenceTexts } from '@gantry/testing/fuzz'
import * as fc from 'fast-check'
import { OciError } from './errors.ts'
import { familiarReference, formatReference, isRepositoryName, isTag, parseReference } from './reference.ts'

const hex = 'a'.repeat(64)
const digest = `sha256:${hex}`

const good: readonly [rule: string, text: string, full: string, familiar: string][] = [
  ['a name alone is of Docker Hub and latest', 'alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['a tag', 'alpine:3.20', 'docker.io/library/alpine:3.20', 'alpine:3.20'],
  ['a digest needs no tag', `alpine@${digest}`, `docker.io/library/alpine@${digest}`, `alpine@${digest}`],
  ['a tag and a digest', `alpine:3@${digest}`, `docker.io/library/alpine:3@${digest}`, `alpine:3@${digest}`],
  ['a user', 'user/app', 'docker.io/user/app:latest', 'user/app:latest'],
  ['the library, written out', 'library/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['Docker Hub, written out', 'docker.io/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['Docker Hub by its old host', 'index.docker.io/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['a host by its dot', 'reg.example/app:1', 'reg.example/app:1', 'reg.example/app:1'],
  ['a host by its port', 'reg:5000/app', 'reg:5000/app:latest', 'reg:5000/app:latest'],
  ['a host by an upper-case letter', 'Reg/app', 'Reg/app:latest', 'Reg/app:latest'],
  ['localhost', 'localhost/app', 'localhost/app:latest', 'localhost/app:latest'],
  ['localhost with a port', 'localhost:5000/a/b', 'localhost:5000/a/b:latest', 'localhost:5000/a/b:latest'],
  ['an IPv6 address', '[::1]:5000/app', '[::1]:5000/app:latest', '[::1]:5000/app:latest'],
  [
    'localhost as a repository',
    'docker.io/localhost/app',
    'docker.io/localhost/app:latest',
    'docker.io/localhost/app:latest',
  ],
  ['separators', 'x/a.b_c__d-e--f', 'docker.io/x/a.b_c__d-e--f:latest', 'x/a.b_c__d-e--f:latest'],
  ['a tag with all it may have', 'app:_A.b-9', 'docker.io/library/app:_A.b-9', 'app:_A.b-9'],
  [
    'a sha512 digest',
    `app@sha512:${'b'.repeat(128)}`,
    `docker.io/library/app@sha512:${'b'.repeat(128)}`,
    `app@sha512:${'b'.repeat(128)}`,
  ],
  [
    'an ID that says it is of the library',
    `library/${hex}`,
    `docker.io/library/${hex}:latest`,
    `library/${hex}:latest`,
  ],
]

test('references are read as Docker reads them', async (context) => {
  for (const [rule, text, full, familiar] of good) {
    await context.test(rule, () => {
      const reference = parseReference(text)
      assert.equal(formatReference(reference), full)
      assert.equal(familiarReference(reference), familiar)
      assert.deepEqual(parseReference(full), reference)
      assert.deepEqual(parseReference(familiar), reference)
    })
  }
})

test('what is no reference is refused', async (context) => {
  const rows: readonly [rule: string, text: string, code?: string][] = [
    ['nothing', ''],
    ['a tag alone', ':latest'],
    ['a digest alone', `@${digest}`],
    ['an empty tag', 'app:'],
    ['a tag that begins with a dot', 'app:.1'],
    ['a tag that begins with a dash', 'app:-1'],
    ['a tag of 129', `app:${'a'.repeat(129)}`],
    ['a tag with a slash', 'app:a/b/c:'],
    ['an empty digest', 'app@', 'DIGEST_INVALID'],
    ['a malformed digest', 'app@sha256:abc', 'DIGEST_INVALID'],
    ['two digests', `app@${digest}@${digest}`, 'DIGEST_INVALID'],
    ['upper case', 'docker.io/App'],
    ['a separator at the beginning', '-app'],
    ['a separator at the end', 'app-/x'],
    ['three underscores', 'a___b'],
    ['two dots', 'a..b/c'],
    ['an empty part', 'a//b'],
    ['a slash at the end', 'app/'],
    ['a slash at the beginning', '/app'],
    ['a path out', 'reg.example/../app'],
    ['a URL', 'https://reg.example/app'],
    ['a space', 'my app'],
    ['a newline', 'app\n'],
    ['a NUL', 'app\0'],
    ['an ID', hex],
    ['a port that is none', 'reg:port/app'],
    ['a host that begins with a dash', '-reg.example/app'],
    ['a host alone', 'reg.example/'],
    ['a host with an underscore', 'a.b_c/app'],
    ['a name of 256', `reg.example/${'a'.repeat(244)}`],
    ['a text that is much too long', 'a'.repeat(100_000)],
  ]
  for (const [rule, text, code = 'REFERENCE_INVALID'] of rows) {
    await context.test(rule, () => {
      assert.throws(() => parseReference(text), { name: 'OciError', code })
    })
  }
})

test('a name of 255 is the longest', () => {
  const name = `reg.example/${'a'.repeat(243)}`
  assert.equal(formatReference(parseReference(name)), `${name}:latest`)
  assert.ok(isRepositoryName('a'.repeat(255)))
  assert.ok(!isRepositoryName('a'.repeat(256)))
})

test('tags and repository names by themselves', () => {
  for (const text of ['a', 'A_b.c-d', '_', '1', 'a'.repeat(128)]) assert.ok(isTag(text), text)
  for (const text of ['', '.a', '-a', 'a b', 'ä', 'a/b', 'a'.repeat(129), 'a\n']) assert.ok(!isTag(text), text)
  for (const text of ['a', 'a/b/c', 'a.b', 'a__b', 'a---b']) assert.ok(isRepositoryName(text), text)
  for (const text of ['', 'A', '/a', 'a/', 'a//b', '.a', 'a.', 'a..b', 'a_.b', 'a\n']) {
    assert.ok(!isRepositoryName(text), text)
  }
})

test('a message shows a hostile text harmlessly', () => {
  assert.throws(
    () => parseReference('a\u001b[2J\u202e'),
    (error: Error) => !error.message.includes('\u001b') && !error.message.includes('\u202e'),
  )
  assert.throws(
    () => parseReference(`${'x'.repeat(900)} `),
    (error: Error) => error.message.length < 500,
  )
})

test('generated references are read, and read back as they were written', () => {
  const property = fc.property(referenceTexts, (text) => {
    let reference
    try {
      reference = parseReference(text)
    } catch (error) {
      // Only a part that looks like a host may make it none.
      assert.ok(error instanceof OciError)
      return
    }
    assert.deepEqual(parseReference(formatReference(reference)), reference)
    assert.deepEqual(parseReference(familiarReference(reference)), reference)
  })
  fc.assert(property, { numRuns: 1000 })
})

test('any text is read or refused with an OciError', () => {
  const property = fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (text) => {
    try {
      parseReference(text)
    } catch (error) {
      assert.ok(error instanceof OciError)
    }
  })
  fc.assert(property, { numRuns: 1000 })
})
