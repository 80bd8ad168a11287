import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { BuildError, type BuildErrorCode } from '../../build-error.ts'
import { parseNpmLock } from './npm-lock.ts'
import { parsePnpmLock } from './pnpm-lock.ts'
import { parseYarnBerryLock } from './yarn-berry-lock.ts'
import { parseYarnClassicLock } from './yarn-classic-lock.ts'

function refusedAs(code: BuildErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof BuildError && error.code === code
}

test('npm lock: places, links, platforms and what is bundled', () => {
  const lock = parseNpmLock(
    JSON.stringify({
      lockfileVersion: 3,
      packages: {
        '': { dependencies: { a: '^1' } },
        'packages/own': { dependencies: { b: '2' } },
        'node_modules/own': { resolved: 'packages/own', link: true },
        'node_modules/a': {
          version: '1.0.0',
          resolved: 'https://r/a/-/a-1.0.0.tgz',
          integrity: 'sha512-x',
          hasInstallScript: true,
        },
        'node_modules/alias': { name: '@s/real', version: '3.0.0', os: ['linux'], cpu: 'x64', libc: ['glibc'] },
        'node_modules/a/node_modules/in': { version: '1.0.0', inBundle: true },
      },
    }),
    'package-lock.json',
  )
  assert.equal(lock.get('node_modules/own')?.link, 'packages/own')
  assert.deepEqual(lock.get('node_modules/a')?.locked, {
    name: 'a',
    version: '1.0.0',
    url: 'https://r/a/-/a-1.0.0.tgz',
    integrity: 'sha512-x',
    hasScript: true,
  })
  const { name, os, cpu, libc } = lock.get('node_modules/alias')?.locked ?? {}
  assert.deepEqual({ name, os, cpu, libc }, { name: '@s/real', os: ['linux'], cpu: ['x64'], libc: ['glibc'] })
  assert.equal(lock.get('node_modules/a/node_modules/in')?.locked, undefined)
  assert.equal(lock.get('node_modules/a/node_modules/in')?.bundled, true)
})

const badNpm: readonly (readonly [rule: string, text: string])[] = [
  ['no JSON', '{'],
  ['version 1', '{"lockfileVersion":1,"dependencies":{}}'],
  ['a path that climbs', '{"lockfileVersion":3,"packages":{"../x":{}}}'],
  ['an absolute path', '{"lockfileVersion":3,"packages":{"/x":{}}}'],
  ['a path that climbs in the middle', '{"lockfileVersion":3,"packages":{"node_modules/a/../../x":{}}}'],
  ['a link that climbs', '{"lockfileVersion":3,"packages":{"node_modules/a":{"link":true,"resolved":"../../etc"}}}'],
  ['a name that is none', '{"lockfileVersion":3,"packages":{"node_modules/a":{"name":"../b"}}}'],
]

for (const [rule, text] of badNpm) {
  test(`npm lock: ${rule} is refused`, () =>
    assert.throws(() => parseNpmLock(text, 'package-lock.json'), refusedAs('LOCKFILE_INVALID')))
}

const pnpm9 = `lockfileVersion: '9.0'
importers:
  .: {}
  packages/a:
    dependencies:
      own:
        specifier: workspace:*
        version: link:../b
      x:
        specifier: ^1.0.0
        version: 1.0.0(y@2.0.0)
      alias:
        specifier: npm:@s/z@3.0.0
        version: '@s/z@3.0.0'
  packages/b: {}
packages:
  x@1.0.0:
    resolution: {integrity: sha512-x}
  y@2.0.0:
    resolution: {integrity: sha512-y}
    os: [linux]
  '@s/z@3.0.0':
    resolution: {integrity: sha512-z}
snapshots:
  x@1.0.0(y@2.0.0):
    dependencies:
      y: 2.0.0
  y@2.0.0: {}
  '@s/z@3.0.0':
    optionalDependencies:
      y: 2.0.0
`

const pnpm6 = `lockfileVersion: '6.0'
dependencies:
  x:
    specifier: ^1.0.0
    version: 1.0.0(y@2.0.0)
  alias:
    specifier: npm:@s/z@3.0.0
    version: /@s/z@3.0.0
packages:
  /x@1.0.0(y@2.0.0):
    resolution: {integrity: sha512-x}
    requiresBuild: true
    dependencies:
      y: 2.0.0
  /y@2.0.0:
    resolution: {integrity: sha512-y}
  /@s/z@3.0.0:
    resolution: {integrity: sha512-z}
`

test('pnpm lock: version 9, with workspaces, peers and aliases', () => {
  const lock = parsePnpmLock(pnpm9, 'pnpm-lock.yaml')
  const edges = lock.workspaces.get('packages/a')?.dependencies
  assert.deepEqual(
    edges?.map(({ name, to }) => [name, to]),
    [
      ['own', { kind: 'workspace', directory: 'packages/b' }],
      ['x', { kind: 'package', key: 'x@1.0.0(y@2.0.0)' }],
      ['alias', { kind: 'package', key: '@s/z@3.0.0' }],
    ],
  )
  assert.deepEqual(lock.packages.get('x@1.0.0(y@2.0.0)')?.locked, {
    name: 'x',
    version: '1.0.0',
    integrity: 'sha512-x',
  })
  assert.deepEqual(lock.packages.get('y@2.0.0')?.locked.os, ['linux'])
  assert.deepEqual(lock.packages.get('@s/z@3.0.0')?.dependencies, [
    { name: 'y', to: { kind: 'package', key: 'y@2.0.0' }, optional: true },
  ])
  assert.equal(lock.specifiers.get('packages/a')?.get('x'), '^1.0.0')
})

test('pnpm lock: version 6 of a single package', () => {
  const lock = parsePnpmLock(pnpm6, 'pnpm-lock.yaml')
  assert.deepEqual(
    lock.workspaces.get('')?.dependencies.map(({ to }) => to),
    [
      { kind: 'package', key: '/x@1.0.0(y@2.0.0)' },
      { kind: 'package', key: '/@s/z@3.0.0' },
    ],
  )
  const { name, version, hasScript } = lock.packages.get('/x@1.0.0(y@2.0.0)')?.locked ?? {}
  assert.deepEqual({ name, version, hasScript }, { name: 'x', version: '1.0.0', hasScript: true })
})

const badPnpm: readonly (readonly [rule: string, text: string])[] = [
  ['version 5', "lockfileVersion: '5.4'"],
  ['no version', 'packages: {}'],
  ['a workspace that climbs', "lockfileVersion: '9.0'\nimporters:\n  ../x: {}"],
  [
    'a link that climbs',
    "lockfileVersion: '9.0'\nimporters:\n  a:\n    dependencies:\n      x: {specifier: 'link:', version: link:../../../etc}",
  ],
  [
    'a git dependency',
    "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      x: {specifier: g, version: git+ssh://host/x}",
  ],
  [
    'a name that is none',
    "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      ../../x: {specifier: '1', version: 1.0.0}",
  ],
]

for (const [rule, text] of badPnpm) {
  test(`pnpm lock: ${rule} is refused`, () =>
    assert.throws(() => parsePnpmLock(text, 'pnpm-lock.yaml'), refusedAs('LOCKFILE_INVALID')))
}

test('yarn 1 lock: several ranges of one entry, scopes, optional dependencies', () => {
  const lock = parseYarnClassicLock(
    `# yarn lockfile v1


"@s/a@^1.0.0", "@s/a@^1.1.0":
  version "1.2.0"
  resolved "https://r/@s/a/-/a-1.2.0.tgz#0123456789012345678901234567890123456789"
  integrity sha512-a
  dependencies:
    b "^2.0.0"
    "@s/c" ">= 1"
  optionalDependencies:
    d "*"

b@^2.0.0:
  version "2.0.0"
`,
    'yarn.lock',
  )
  assert.equal(lock.get('@s/a@^1.0.0'), lock.get('@s/a@^1.1.0'))
  const entry = lock.get('@s/a@^1.0.0')
  assert.deepEqual([entry?.version, entry?.integrity], ['1.2.0', 'sha512-a'])
  assert.deepEqual(
    [...(entry?.dependencies ?? [])],
    [
      ['b', '^2.0.0'],
      ['@s/c', '>= 1'],
    ],
  )
  assert.deepEqual([...(entry?.optionalDependencies ?? [])], [['d', '*']])
  assert.equal(lock.get('b@^2.0.0')?.version, '2.0.0')
})

for (const text of ['a@1:\n', '  version "1"\n', 'a@1\n  version "1"', 'a@1:\n  version "1']) {
  test(`yarn 1 lock: ${JSON.stringify(text)} is refused`, () =>
    assert.throws(() => parseYarnClassicLock(text, 'yarn.lock'), refusedAs('LOCKFILE_INVALID')))
}

test('yarn lock: packages, workspaces, conditions and built-in patches', () => {
  const lock = parseYarnBerryLock(
    `__metadata:
  version: 8

"a@npm:^1.0.0, a@npm:^1.1.0":
  version: 1.2.0
  resolution: "a@npm:1.2.0"
  dependencies:
    b: "npm:^2.0.0"
  dependenciesMeta:
    b:
      optional: true
  checksum: 10c0/abc
  languageName: node
  linkType: hard

"b@npm:^2.0.0":
  version: 2.0.0
  resolution: "b@npm:2.0.0"
  conditions: os=linux & cpu=x64 & libc=musl
  linkType: hard

"own@workspace:packages/own":
  version: 0.0.0-use.local
  resolution: "own@workspace:packages/own"
  linkType: soft

"typescript@patch:typescript@npm%3A^5.0.0#optional!builtin<compat/typescript>":
  version: 5.0.4
  resolution: "typescript@patch:typescript@npm%3A5.0.4#optional!builtin<compat/typescript>::version=5.0.4&hash=1"
  linkType: hard
`,
    'yarn.lock',
  )
  assert.deepEqual(lock.get('a@npm:^1.1.0')?.optional, new Set(['b']))
  const { os, cpu, libc } = lock.get('b@npm:^2.0.0') ?? {}
  assert.deepEqual({ os, cpu, libc }, { os: ['linux'], cpu: ['x64'], libc: ['musl'] })
  assert.equal(lock.get('own@workspace:packages/own')?.workspace, 'packages/own')
  assert.equal([...lock.values()].at(-1)?.name, 'typescript')
})

test('yarn lock: a patch of the project is refused', () => {
  const text = '"a@patch:x":\n  version: 1.0.0\n  resolution: "a@patch:a@npm%3A1.0.0#./a.patch"\n'
  assert.throws(() => parseYarnBerryLock(text, 'yarn.lock'), refusedAs('LOCKFILE_INVALID'))
})

test('lockfiles: anything is read or refused', () => {
  const json = fc.jsonValue({ maxDepth: 5 }).map((value) => JSON.stringify({ lockfileVersion: 3, packages: value }))
  const piece = fc.constantFrom(
    'a@1:',
    'packages:',
    '"',
    '  ',
    '\n',
    'version: ',
    "'9.0'",
    'lockfileVersion: ',
    '{',
    '}',
    'x ',
    'snapshots:',
    'importers:',
    'resolution:',
    '@',
    '/',
    'link:..',
  )
  const text = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''))
  const parsers = [parsePnpmLock, parseYarnClassicLock, parseYarnBerryLock]
  const survives = (parse: (text: string, file: string) => unknown, written: string): void => {
    try {
      parse(written, 'lock')
    } catch (error) {
      assert.ok(error instanceof BuildError, String(error))
    }
  }
  fc.assert(
    fc.property(json, (written) => survives(parseNpmLock, written)),
    { numRuns: 1000 },
  )
  fc.assert(
    fc.property(text, fc.constantFrom(...parsers), (written, parse) => survives(parse, written)),
    { numRuns: 3000 },
  )
  fc.assert(
    fc.property(text, (written) => survives(parsePnpmLock, `lockfileVersion: '9.0'\n${written}`)),
    { numRuns: 1000 },
  )
})
