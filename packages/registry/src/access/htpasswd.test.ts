import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { compare } from 'bcryptjs'
import { runTool, temporaryDirectory, toolsMissing } from '@gantry/testing'
import { htpasswdEntry, parseHtpasswd, withHtpasswdEntry, withoutHtpasswdUser } from './htpasswd.ts'

const hash = '$2y$05$CqLnnzqTNmVyzTv9Rr7Ri.BzQ2dYF2k2ahtGUU5Eyl3ZTdWWx1xI6'

describe('parseHtpasswd', () => {
  test('reads users, and leaves out what is no entry', () => {
    const users = parseHtpasswd(`# admins\n\nalice:${hash}\r\n  bob@example.org:${hash.replace('2y', '2b')}  \n`)
    assert.deepEqual([...users.keys()], ['alice', 'bob@example.org'])
    assert.equal(users.get('alice'), hash)
  })

  const bad: readonly (readonly [text: string, rule: RegExp])[] = [
    ['alice', /line 1 does not begin with a user and a colon/],
    [`:${hash}`, /line 1 does not begin/],
    [`a\u0001:${hash}`, /line 1 does not begin/],
    [`${'a'.repeat(256)}:${hash}`, /line 1 does not begin/],
    [`a:${hash}\na:${hash}`, /line 2 has the user "a" again/],
    ['\na:$apr1$salt$x', /line 2 has no bcrypt hash/],
    ['a:plain', /has no bcrypt hash/],
    ['a:', /has no bcrypt hash/],
    [`a:${hash}x`, /has no bcrypt hash/],
    [`a:${hash.replace('$05$', '$31$')}`, /has the cost 31; it may be 4 to 16/],
    [`a:${hash.replace('$05$', '$03$')}`, /has the cost 3/],
  ]
  for (const [text, rule] of bad) {
    test(`refuses ${JSON.stringify(text.slice(0, 30))}: ${rule.source}`, () => {
      assert.throws(
        () => parseHtpasswd(text),
        (error) => {
          assert.ok(error instanceof Error && 'code' in error && error.code === 'HTPASSWD_INVALID')
          assert.match(error.message, rule)
          assert.doesNotMatch(error.message, /plain|BzQ2dYF2k2ah/)
          return true
        },
      )
    })
  }
})

describe('htpasswdEntry', () => {
  test('makes what is read, and what others check', async () => {
    const entry = await htpasswdEntry('alice', 'naïve password', { cost: 4 })
    const made = parseHtpasswd(entry).get('alice') ?? ''
    assert.match(made, /^\$2y\$04\$/)
    assert.ok(await compare('naïve password', made))
    assert.equal(await compare('other', made), false)
  })

  test('makes what Apache checks', { skip: toolsMissing('htpasswd') ?? false }, async () => {
    await using directory = await temporaryDirectory()
    const file = join(directory.path, 'htpasswd')
    await writeFile(file, `${await htpasswdEntry('alice', 'secret', { cost: 5 })}\n`)
    await runTool('htpasswd', ['-vb', file, 'alice', 'secret'])
  })

  for (const [user, password, cost] of [
    ['', 'x', 5],
    ['a:b', 'x', 5],
    ['#a', 'x', 5],
    ['a\nb', 'x', 5],
    ['a', '', 5],
    ['a', 'x'.repeat(73), 5],
    ['a', 'é'.repeat(37), 5],
    ['a', 'x\0y', 5],
    ['a', 'x', 3],
    ['a', 'x', 17],
  ] as const) {
    test(`refuses the user ${JSON.stringify(user)} with ${password.length} characters at cost ${cost}`, async () => {
      await assert.rejects(htpasswdEntry(user, password, { cost }), { code: 'HTPASSWD_INVALID' })
    })
  }
})

describe('a password file', () => {
  const file = `# head\nalice:${hash}\nbob:${hash}\n`

  test('gets an entry, in the place of the old one', () => {
    assert.equal(withHtpasswdEntry('', 'a:1'), 'a:1\n')
    assert.equal(withHtpasswdEntry(file, 'alice:new'), `# head\nbob:${hash}\nalice:new\n`)
    assert.equal(withHtpasswdEntry(file.trimEnd(), 'ali:new'), `${file}ali:new\n`)
  })

  test('loses one', () => {
    assert.equal(withoutHtpasswdUser(file, 'alice'), `# head\nbob:${hash}\n`)
    assert.equal(withoutHtpasswdUser(file, 'ali'), undefined)
    assert.equal(withoutHtpasswdUser('a:1\n', 'a'), '')
  })
})
