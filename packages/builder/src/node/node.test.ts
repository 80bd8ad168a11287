import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { BuildError } from '../build-error.ts'
import type { FileNode, Lookup } from '../files/node.ts'
import { chooseBase } from './choose-base.ts'
import { findEntrypoint, parseStart } from './entrypoint.ts'
import { isByproduct } from './files/byproducts.ts'
import { isNeverShipped } from './files/never-shipped.ts'
import { parseFileList, parseNpmIgnore } from './files/npm-ignore.ts'
import { findBuildScripts } from './find-build-scripts.ts'
import { findOwnAddons } from './own-addons.ts'
import type { PlacedPackage } from './layout/layout.ts'
import { bucketsOf } from './packages/buckets.ts'
import { integrityOfAddress, parseIntegrity } from './packages/integrity.ts'
import { needsBuild } from './packages/needs-build.ts'
import { parseNpmSettings } from './packages/npm-settings.ts'
import { pathInPackage, type PackageAbout } from './packages/package-about.ts'
import { parseManifest } from './project-manifest.ts'
import { defaultSettings, parseSettings } from './settings.ts'

const starts: readonly (readonly [script: string, expected: readonly string[] | undefined])[] = [
  ['node dist/main.js', ['', 'dist/main.js', '']],
  [
    'NODE_ENV=production PORT=80 node --enable-source-maps -r ./x.js src/main.ts --flag "a b"',
    ['--enable-source-maps -r ./x.js', 'src/main.ts', '--flag,a b'],
  ],
  ['exec node .', ['', '.', '']],
  ['next start', undefined],
  ['node a.js && node b.js', undefined],
  ['node $FILE', undefined],
  ['node `x`', undefined],
  ['node -e 1', undefined],
  ['node --watch x.js', undefined],
  ['node', undefined],
  ["node 'a", undefined],
]

for (const [script, expected] of starts) {
  test(`start script: ${script}`, () => {
    const found = parseStart(script)
    assert.deepEqual(found && [found.options.join(' '), found.file, found.arguments.join(',')], expected)
  })
}

test('start script: the variables before it are set', () => {
  assert.deepEqual(
    [...(parseStart('A=1 B="x y" node m.js')?.env ?? [])],
    [
      ['A', '1'],
      ['B', 'x y'],
    ],
  )
})

const entries: readonly (readonly [
  rule: string,
  manifest: object,
  files: readonly string[],
  expected: string | undefined,
])[] = [
  ['the start script', { scripts: { start: 'node server' } }, ['server.js'], 'server.js'],
  [
    'the program of its name',
    { name: '@s/app', bin: { other: 'o.js', app: './cli.js' }, main: 'm.js' },
    ['cli.js', 'o.js', 'm.js'],
    'cli.js',
  ],
  ['main, as a directory', { main: 'lib' }, ['lib/index.js'], 'lib/index.js'],
  ['server.js by itself', {}, ['server.js'], 'server.js'],
  ['main when start is of another program', { scripts: { start: 'tsx x.ts' }, main: 'm.js' }, ['m.js'], 'm.js'],
  ['a start script of a file that is missing', { scripts: { start: 'node dist/main.js' } }, ['index.js'], undefined],
  ['nothing', {}, ['x.js'], undefined],
]

for (const [rule, manifest, files, expected] of entries) {
  test(`entrypoint: ${rule}`, () => {
    const find = (): string | undefined =>
      findEntrypoint(parseManifest(JSON.stringify(manifest), 'package.json'), defaultSettings, (path) =>
        files.includes(path),
      ).file
    if (expected === undefined)
      assert.throws(find, (error) => error instanceof BuildError && error.code === 'ENTRYPOINT_UNKNOWN')
    else assert.equal(find(), expected)
  })
}

test('settings: all of them are read', () => {
  const settings = parseSettings(
    {
      base: 'b',
      builder: 'c',
      directory: '/srv/app',
      user: 'node',
      env: { A: '1' },
      expose: [80, '53/udp'],
      labels: { l: 'v' },
      healthcheck: { http: '/healthz', port: 80, interval: '30s', retries: 2 },
      stopSignal: 'SIGINT',
      entrypoint: ['node', 'x.js'],
      arguments: ['y'],
      build: 'compile',
      files: ['dist'],
      installScripts: ['a'],
      layers: 3,
      signals: false,
    },
    'package.json',
  )
  assert.deepEqual(settings.expose, ['80/tcp', '53/udp'])
  assert.deepEqual(
    [settings.healthcheck?.Test?.[0], settings.healthcheck?.Interval, settings.healthcheck?.Retries],
    ['CMD', 30_000_000_000, 2],
  )
  assert.deepEqual(Object.keys(settings).toSorted(), Object.keys(defaultSettings).toSorted())
})

const badSettings: readonly unknown[] = [
  'x',
  { unknown: 1 },
  { directory: 'app' },
  { directory: '/' },
  { directory: '/a/../b' },
  { directory: "/a'b" },
  { expose: [0] },
  { expose: [70_000] },
  { env: { 'A=B': 'x' } },
  { env: { A: 1 } },
  { healthcheck: {} },
  { healthcheck: { http: '/x', command: ['y'] } },
  { healthcheck: { http: '/x"' } },
  { healthcheck: { http: '/', often: 'yes' } },
  { layers: 0 },
  { layers: 100 },
  { build: true },
  { installScripts: 'all' },
  { stopSignal: 'TERM' },
  { entrypoint: 'node x' },
]

for (const bad of badSettings) {
  test(`settings: ${JSON.stringify(bad)} is refused`, () => {
    assert.throws(
      () => parseSettings(bad, 'package.json'),
      (error) => error instanceof BuildError && error.code === 'SETTINGS_INVALID',
    )
  })
}

const bases: readonly (readonly [
  base: string | undefined,
  engine: string | undefined,
  local: string | undefined,
  expected: string,
])[] = [
  ['mine', '>=1', '26.1.0', 'mine'],
  [undefined, undefined, undefined, 'localhost/node'],
  [undefined, '>=20', '26.1.0', 'localhost/node'],
  [undefined, '>=20', undefined, 'localhost/node'],
  [undefined, '^22', '26.1.0', 'docker.io/library/node:22-slim'],
  [undefined, '20.x || 22.x', undefined, 'docker.io/library/node:22-slim'],
]

for (const [base, engine, local, expected] of bases) {
  test(`base: ${engine ?? 'any'} with ${local ?? 'none'} here is ${expected}`, () =>
    assert.equal(chooseBase({ base, engine, local }), expected))
}

test('base: a range that nothing satisfies is refused', () => {
  assert.throws(() => chooseBase({ base: undefined, engine: '^12', local: '26.1.0' }), BuildError)
})

const about: PackageAbout = { size: 1, bin: {}, scripts: {}, gyp: false, prebuilds: [] }
const native: readonly (readonly [rule: string, about: Partial<PackageAbout>, expected: boolean])[] = [
  ['no script', {}, false],
  ['a script of another kind', { scripts: { postinstall: 'node thanks.js' } }, false],
  ['a binding.gyp', { gyp: true }, true],
  ['node-gyp in a script', { scripts: { install: 'node-gyp rebuild' } }, true],
  ['a prebuilt module', { gyp: true, prebuilds: ['prebuilds/linux-x64/a.node'] }, false],
  ['one for two processors', { gyp: true, prebuilds: ['prebuilds/linux-arm64+x64/a.napi.node'] }, false],
  ['one for another platform', { gyp: true, prebuilds: ['prebuilds/darwin-x64/a.node'] }, true],
  ['one for another C library', { gyp: true, prebuilds: ['prebuilds/linux-x64/a.musl.node'] }, true],
]

for (const [rule, part, expected] of native) {
  test(`install scripts: ${rule}`, () => {
    const options = { installScripts: 'native', platform: { os: 'linux', cpu: 'x64', libc: 'glibc' } } as const
    assert.equal(needsBuild('a', { ...about, ...part }, options), expected)
    assert.equal(needsBuild('a', { ...about, ...part }, { ...options, installScripts: 'none' }), false)
  })
}

const buildRows: readonly (readonly [rule: string, manifest: object, gyp: boolean, expected: readonly string[]])[] = [
  ['nothing to run', {}, false, []],
  ['the script called build', { scripts: { build: 'tsc', test: 'x' } }, false, ['npm run build']],
  ['a binding.gyp alone', {}, true, ["npm exec -c 'node-gyp rebuild'"]],
  ['a binding.gyp that is not for installing', { gypfile: false }, true, []],
  [
    'an addon with scripts',
    { scripts: { install: 'node-gyp rebuild', postinstall: 'node check.js', build: 'tsc' } },
    true,
    ['npm run install', 'npm run postinstall', 'npm run build'],
  ],
  ['another kind of install script', { scripts: { install: 'husky' } }, false, []],
]

for (const [rule, manifest, gyp, expected] of buildRows) {
  test(`own packages: ${rule}`, () => {
    const project = {
      target: 'a',
      manifests: new Map([['a', parseManifest(JSON.stringify(manifest), 'package.json')]]),
    }
    const file: FileNode = { type: 'file', mode: 0o644, uid: 0, gid: 0, size: 2, mtime: 0 }
    const tree: Lookup = { lstat: (path) => (gyp && path === 'a/binding.gyp' ? file : undefined) }
    const place = { tree, workspaces: ['a'], platform: { os: 'linux', cpu: 'x64', libc: 'glibc' } } as const
    const run = (installScripts: 'native' | 'none'): readonly string[] => {
      const addons = findOwnAddons(project, { ...place, installScripts })
      const scripts = findBuildScripts(project, defaultSettings, { workspaces: ['a'], addons })
      return scripts.flatMap(({ commands }) => commands)
    }
    assert.deepEqual(run('native'), expected)
    assert.deepEqual(
      run('none'),
      expected.filter((command) => command === 'npm run build'),
    )
  })
}

test('what node-gyp leaves besides modules is told from what it was asked for', () => {
  const left = [
    'build/Makefile',
    'a/build/Release/obj.target/x.o',
    'build/Release/.deps/x.d',
    'build/node_gyp_bins/python3',
  ]
  assert.deepEqual(left.filter(isByproduct), left)
  const meant = ['build/Release/x.node', 'build/index.html', 'Makefile', 'src/build/config.js', 'rebuild/Makefile']
  assert.deepEqual(meant.filter(isByproduct), [])
})

test('buckets: a package that changes, comes or goes touches one layer', () => {
  const version = fc.constantFrom('1.0.0', '2.0.0')
  const name = fc.stringMatching(/^[a-z]{1,6}$/)
  const list = fc.uniqueArray(fc.record({ name, version }), {
    minLength: 1,
    maxLength: 40,
    selector: (each) => each.name,
  })
  const place = ({ name, version }: { name: string; version: string }): PlacedPackage => ({
    path: `node_modules/${name}`,
    locked: { name, version },
    bins: [],
  })
  const contents = (packages: readonly PlacedPackage[], count: number): ReadonlySet<string> =>
    new Set(bucketsOf(packages, count).map((bucket) => JSON.stringify(bucket)))
  fc.assert(
    fc.property(list, fc.nat(), fc.integer({ min: 1, max: 10 }), (packages, index, count) => {
      const before = packages.map(place)
      const changed = packages.map((each, at) =>
        place(at === index % packages.length ? { ...each, version: '9.9.9' } : each),
      )
      const without = before.filter((_, at) => at !== index % packages.length)
      const kept = contents(before, count)
      assert.ok(kept.size <= count)
      for (const after of [changed, without]) {
        const fresh = [...contents(after, count)].filter((bucket) => !kept.has(bucket))
        assert.ok(fresh.length <= 1)
      }
    }),
    { numRuns: 500 },
  )
})

test('npm ignore files: as gitignore, any depth without a slash', () => {
  const matcher = parseNpmIgnore('# comment\n*.map\n/only-here\ndocs/\n!keep.map\nsrc/test\n', '.npmignore')
  for (const path of ['a.map', 'x/y/a.map', 'only-here', 'docs/x', 'a/docs/x', 'src/test/a'])
    assert.ok(matcher.ignores(path), path)
  for (const path of ['keep.map', 'x/keep.map', 'x/only-here', 'a/src/test']) assert.ok(!matcher.ignores(path), path)
})

test('lists of files: patterns start at the package', () => {
  const matcher = parseFileList(['dist', './bin/', '!dist/test', '*.md'], 'package.json')
  for (const path of ['dist/a/b.js', 'bin/x', 'README.md']) assert.ok(matcher.ignores(path), path)
  for (const path of ['src/a', 'dist/test/x', 'src/dist/a', 'x/y.md']) assert.ok(!matcher.ignores(path), path)
})

test('what never goes into an image', () => {
  for (const name of ['.env', '.env.local', '.npmrc', '.yarnrc.yml', '.git', 'id_rsa', 'node_modules'])
    assert.ok(isNeverShipped(name), name)
  for (const name of ['.env.example', 'env', '.envrc.md', 'id_rsa.pub']) assert.ok(!isNeverShipped(name), name)
})

test('integrity: the strongest counts, what is malformed does not', () => {
  const sha512 = `sha512-${Buffer.alloc(64, 1).toString('base64')}`
  assert.equal(parseIntegrity(`sha1-${Buffer.alloc(20).toString('base64')} ${sha512}`)?.algorithm, 'sha512')
  assert.equal(parseIntegrity('sha512-AAAA'), undefined)
  assert.equal(parseIntegrity('md5-AAAA'), undefined)
  assert.match(integrityOfAddress(`https://r/a.tgz#${'0'.repeat(40)}`) ?? '', /^sha1-/)
})

test('npm settings: registries by scope, tokens by path, variables', () => {
  const settings = parseNpmSettings(
    [
      'registry=https://r.test/npm',
      '@s:registry=https://s.test/\n//s.test/:_authToken=${TOKEN}\n; x=y\n//r.test/npm/:_auth="YTpi"',
    ],
    { TOKEN: 'secret' },
  )
  assert.equal(settings.registryOf('a'), 'https://r.test/npm/')
  assert.equal(settings.registryOf('@s/a'), 'https://s.test/')
  assert.equal(parseNpmSettings([]).registryOf('a'), undefined)
  assert.equal(settings.authorizationFor('https://s.test/@s/a/-/a.tgz'), 'Bearer secret')
  assert.equal(settings.authorizationFor('https://r.test/npm/a.tgz'), 'Basic YTpi')
  assert.equal(settings.authorizationFor('https://r.test/other'), undefined)
  assert.equal(settings.authorizationFor('https://elsewhere.test/@s/a.tgz'), undefined)
})

test('packages: paths in tarballs stay in the package', () => {
  assert.equal(pathInPackage('package/a/b.js', 'x'), 'a/b.js')
  assert.equal(pathInPackage('./whatever//a', 'x'), 'a')
  assert.equal(pathInPackage('package/', 'x'), undefined)
  for (const path of ['package/../../x', 'package/a/../../../x', 'p/a\\b']) {
    assert.throws(
      () => pathInPackage(path, 'x'),
      (error) => error instanceof BuildError && error.code === 'PACKAGE_INVALID',
      path,
    )
  }
})
