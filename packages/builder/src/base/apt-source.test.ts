import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseSourceLines, parseSourceStanzas } from './apt-source.ts'
import { BaseError } from './base-error.ts'
import { formatRepository } from './repository.ts'

describe('parseSourceLines', () => {
  const rows: readonly [rule: string, line: string, expected: unknown][] = [
    [
      'type, uri, suite, components',
      'deb http://mirror.example/debian bookworm main contrib',
      [{ uris: ['http://mirror.example/debian'], suites: ['bookworm'], components: ['main', 'contrib'] }],
    ],
    [
      'options in brackets',
      'deb [ arch=amd64,arm64 signed-by=/k/a.gpg,/k/b.gpg ] http://mirror.example/debian bookworm main',
      [
        {
          uris: ['http://mirror.example/debian'],
          suites: ['bookworm'],
          components: ['main'],
          signedBy: ['/k/a.gpg', '/k/b.gpg'],
          architectures: ['amd64', 'arm64'],
        },
      ],
    ],
    [
      'a flat repository has no components',
      'deb file:/srv/repo ./',
      [{ uris: ['file:/srv/repo'], suites: ['./'], components: [] }],
    ],
    ['sources are left out', 'deb-src http://mirror.example/debian bookworm main', []],
    ['comments are left out', '# deb http://mirror.example/debian bookworm main', []],
    [
      'a comment may follow',
      'deb http://mirror.example/debian bookworm main # the mirror',
      [{ uris: ['http://mirror.example/debian'], suites: ['bookworm'], components: ['main'] }],
    ],
    [
      'a fingerprint is no path',
      'deb [signed-by=0123456789ABCDEF] http://mirror.example/debian bookworm main',
      [{ uris: ['http://mirror.example/debian'], suites: ['bookworm'], components: ['main'] }],
    ],
  ]
  for (const [rule, line, expected] of rows) {
    test(rule, () => assert.deepEqual(parseSourceLines(`${line}\n`, 'x.list'), expected))
  }

  test('a line that is none of it is refused with its number', () => {
    assert.throws(
      () => parseSourceLines('\ndeb http://mirror.example/debian\n', 'x.list'),
      (error: unknown) =>
        error instanceof BaseError && error.code === 'SOURCES_INVALID' && error.message.includes('x.list:2'),
    )
  })
})

describe('parseSourceStanzas', () => {
  test('reads stanzas with several suites, addresses and comments between fields', () => {
    const text = [
      '# the archive',
      'Types: deb deb-src',
      'URIs: http://one.example/debian http://two.example/debian',
      '# a remark',
      'Suites: bookworm',
      ' bookworm-updates',
      'Components: main contrib',
      'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg',
      '',
      '',
      'types: deb',
      'uris: http://three.example/security',
      'suites: bookworm-security',
      'components: main',
      'Architectures: arm64',
    ].join('\n')
    assert.deepEqual(parseSourceStanzas(text, 'x.sources'), [
      {
        uris: ['http://one.example/debian', 'http://two.example/debian'],
        suites: ['bookworm', 'bookworm-updates'],
        components: ['main', 'contrib'],
        signedBy: ['/usr/share/keyrings/debian-archive-keyring.gpg'],
      },
      {
        uris: ['http://three.example/security'],
        suites: ['bookworm-security'],
        components: ['main'],
        architectures: ['arm64'],
      },
    ])
  })

  test('a disabled stanza and a stanza of source packages are left out', () => {
    const off = 'Enabled: no\nTypes: deb\nURIs: http://one.example/\nSuites: a\nComponents: main\n'
    const sources = 'Types: deb-src\nURIs: http://one.example/\nSuites: a\nComponents: main\n'
    assert.deepEqual(parseSourceStanzas(`${off}\n${sources}`, 'x.sources'), [])
  })

  test('a key inside the stanza is kept apart from paths', () => {
    const text =
      'Types: deb\nURIs: http://one.example/\nSuites: a\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ==\n'
    const [source] = parseSourceStanzas(text, 'x.sources')
    assert.match(source?.signedByKey ?? '', /BEGIN PGP/)
    assert.equal(source?.signedBy, undefined)
  })

  for (const [rule, text] of [
    ['a line without a colon', 'Types: deb\nnonsense\n'],
    ['a continuation of nothing', ' main\n'],
    ['a stanza without addresses', 'Types: deb\nSuites: a\nComponents: main\n'],
    ['a stanza without suites', 'Types: deb\nURIs: http://one.example/\nComponents: main\n'],
  ] as const) {
    test(`${rule} is refused`, () => {
      assert.throws(() => parseSourceStanzas(text, 'x.sources'), { code: 'SOURCES_INVALID' })
    })
  }
})

test('formatRepository prints what parseSourceLines reads', () => {
  const repository = { uri: 'http://one.example/debian', suite: 'a', components: ['main'], signedBy: ['/k/a.gpg'] }
  assert.deepEqual(parseSourceLines(formatRepository(repository), 'x.list'), [
    { uris: ['http://one.example/debian'], suites: ['a'], components: ['main'], signedBy: ['/k/a.gpg'] },
  ])
})
