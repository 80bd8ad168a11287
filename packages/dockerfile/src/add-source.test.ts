import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { classifySource } from './add-source.ts'

const rows: readonly (readonly [text: string, what: unknown])[] = [
  ['a/b.txt', { kind: 'local', path: 'a/b.txt' }],
  ['https.txt', { kind: 'local', path: 'https.txt' }],
  ['https://h/x.tgz?y=1', { kind: 'http', url: 'https://h/x.tgz?y=1' }],
  ['https://h/a/b.git', { kind: 'git', git: { remote: 'https://h/a/b.git' } }],
  ['https://h/b.git#v1:sub/dir', { kind: 'git', git: { remote: 'https://h/b.git', ref: 'v1', subdir: 'sub/dir' } }],
  ['https://h/b.git#:docs', { kind: 'git', git: { remote: 'https://h/b.git', subdir: 'docs' } }],
  ['git@h.x:a/b.git#main', { kind: 'git', git: { remote: 'git@h.x:a/b.git', ref: 'main' } }],
  ['ssh://git@h:22/a/b', { kind: 'git', git: { remote: 'ssh://git@h:22/a/b' } }],
  ['git://h/a', { kind: 'git', git: { remote: 'git://h/a' } }],
  [
    'https://h/b.git?tag=v1&subdir=/d&checksum=0123456789&keep-git-dir=1&submodules=false&mtime=commit',
    {
      kind: 'git',
      git: {
        remote: 'https://h/b.git',
        ref: 'refs/tags/v1',
        subdir: 'd',
        checksum: '0123456789',
        keepGitDir: true,
        submodules: false,
        mtime: 'commit',
      },
    },
  ],
]

test('source: what each address is', async (t) => {
  for (const [text, what] of rows) {
    await t.test(text, () => assert.deepEqual(JSON.parse(JSON.stringify(classifySource(text))), what))
  }
})

const odd: readonly string[] = [
  'ssh://-oProxyCommand=x/y',
  'ssh://a@-oProxyCommand=x/y',
  'git@h:-u/x',
  '-o@h:x',
  'https://h/b.git#-x',
  'https://h/b.git#a:../b',
  'https://h/b.git?what=1',
  'https://h/b.git?ref=a#b',
  'https://h/b.git?checksum=zz',
  'https://h/b.git?mtime=now',
  'https://h/b.git?submodules=maybe',
  'https://',
]

test('source: addresses that would be options or lead elsewhere', async (t) => {
  for (const text of odd) {
    await t.test(text, () => assert.ok(['mistake', 'local'].includes(classifySource(text).kind), text))
  }
})

test('source: nothing that git is given begins with a dash', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('https://', 'ssh://', 'git@', 'git://', ''),
      fc.string({ maxLength: 20 }),
      (head, tail) => {
        const found = classifySource(`${head}${tail}.git`)
        if (found.kind !== 'git') return
        const { remote, ref = 'x' } = found.git
        assert.ok(!remote.startsWith('-') && !ref.startsWith('-'))
        assert.ok(!/^\w+:\/\/(?:[^/]*@)?-/.test(remote), remote)
      },
    ),
  )
})
