import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { openImage } from '@gantry/image'
import type { Digest, ImageConfig, Platform } from '@gantry/oci'
import { BuildError, type BuildErrorCode } from '../build-error.ts'
import { listing, World } from '../test/world.ts'
import { buildNode } from './build-node.ts'
import type { NodeBuildOptions, NodeBuildResult } from './node-options.ts'
import { NpmRegistry, type PublishedPackage } from './test/npm-registry.ts'

let world: World
let registry: NpmRegistry
let a: PublishedPackage
let b: PublishedPackage
let x64: PublishedPackage
let arm64: PublishedPackage

before(async () => {
  world = await World.open()
  registry = await NpmRegistry.open()
  await world.busybox({ Env: ['NODE_VERSION=26.1.0'] }, 'localhost/node:latest')
  a = await registry.publish({
    name: 'a',
    version: '1.0.0',
    manifest: { bin: './cli.js' },
    files: { 'cli.js': '#!/usr/bin/env node', 'lib/x.js': 'x' },
  })
  b = await registry.publish({ name: '@s/b', version: '2.0.0', files: { 'index.js': 'b' } })
  x64 = await registry.publish({ name: 'native-x64', version: '1.0.0', files: { 'a.node': 'x64' } })
  arm64 = await registry.publish({ name: 'native-arm64', version: '1.0.0', files: { 'a.node': 'arm64' } })
})

after(async () => {
  await registry[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

type Files = Readonly<Record<string, string>>

function project(more: Files = {}): Files {
  const dependencies = { a: '^1.0.0', own: '*', 'native-x64': '1.0.0', 'native-arm64': '1.0.0' }
  const locked = (name: string, { integrity, url }: PublishedPackage, version = '1.0.0'): object => ({
    name,
    version,
    resolved: url,
    integrity,
  })
  const { 'native-x64': _x, 'native-arm64': _y, ...required } = dependencies
  const optionalDependencies = { 'native-x64': '1.0.0', 'native-arm64': '1.0.0' }
  const root = {
    name: 'app',
    version: '1.0.0',
    dependencies: required,
    optionalDependencies,
    workspaces: ['packages/*'],
  }
  const packages = {
    '': root,
    'packages/own': { dependencies: { '@s/b': '2.0.0' } },
    'node_modules/own': { resolved: 'packages/own', link: true },
    'node_modules/a': locked('a', a),
    'node_modules/@s/b': locked('@s/b', b, '2.0.0'),
    'node_modules/native-x64': { ...locked('native-x64', x64), optional: true, cpu: ['x64'] },
    'node_modules/native-arm64': { ...locked('native-arm64', arm64), optional: true, cpu: ['arm64'] },
  }
  return {
    'package.json': JSON.stringify({ ...root, main: 'main.js' }),
    'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages }),
    'packages/own/package.json': JSON.stringify({ name: 'own', dependencies: { '@s/b': '2.0.0' } }),
    'packages/own/index.js': 'own',
    'main.js': 'console.log(1)',
    ...more,
  }
}

interface Built extends NodeBuildResult {
  readonly config: ImageConfig
  readonly layers: readonly Digest[]
}

async function make(files: Files | string, options: Partial<NodeBuildOptions> = {}): Promise<Built> {
  const context = typeof files === 'string' ? files : world.context(files)
  const result = await buildNode({ environment: { HOME: '/nonexistent' }, ...options, context }, world.ports)
  const config = await (
    await openImage(world.store, result.descriptor, {
      codec: world.codec,
      ...(options.platforms && { platform: options.platforms[0]! }),
    })
  ).config()
  return { ...result, config, layers: config.rootfs.diff_ids }
}

function refused(code: BuildErrorCode, part = ''): (error: unknown) => boolean {
  return (error) => error instanceof BuildError && error.code === code && error.message.includes(part)
}

test('Node project: the image has what the lockfile says, links, own packages and the application, in layers', async () => {
  const { layers, config } = await make(project())
  const made = await Promise.all(layers.slice(1).map((digest) => world.layer(digest)))
  const all = made.flatMap(listing).filter((line) => !line.startsWith('directory'))
  assert.deepEqual(all.toSorted(), [
    'file 644 0:0 app/.gantry/signals.cjs',
    'file 644 0:0 app/main.js',
    'file 644 0:0 app/node_modules/@s/b/index.js',
    'file 644 0:0 app/node_modules/@s/b/package.json',
    'file 644 0:0 app/node_modules/a/lib/x.js',
    'file 644 0:0 app/node_modules/a/package.json',
    'file 644 0:0 app/node_modules/native-x64/a.node',
    'file 644 0:0 app/node_modules/native-x64/package.json',
    'file 644 0:0 app/package.json',
    'file 644 0:0 app/packages/own/index.js',
    'file 644 0:0 app/packages/own/package.json',
    'file 755 0:0 app/node_modules/a/cli.js',
    'symlink 777 0:0 app/node_modules/.bin/a',
    'symlink 777 0:0 app/node_modules/own',
  ])
  const { User, WorkingDir, Entrypoint, Env } = config.config ?? {}
  assert.deepEqual(
    { User, WorkingDir, Entrypoint },
    { User: '1000:1000', WorkingDir: '/app', Entrypoint: ['node', '--require=/app/.gantry/signals.cjs', 'main.js'] },
  )
  assert.ok(Env?.includes('NODE_ENV=production'))
  // The base of this test has no history of its own.
  assert.equal(config.history?.length, layers.length - 1)
})

test('Node project: two checkouts make the same image, whatever their modes and times', async () => {
  const one = world.context(project())
  const two = world.context(Object.fromEntries(Object.entries(project()).toReversed()))
  chmodSync(join(two, 'main.js'), 0o600)
  chmodSync(join(two, 'packages'), 0o700)
  utimesSync(join(two, 'main.js'), 1000, 1000)
  assert.equal((await make(one)).digest, (await make(two, { noCache: true })).digest)
})

test('Node project: a change of one source makes the last layer anew, and nothing is fetched', async () => {
  const context = world.context(project())
  const first = await make(context)
  const asked = registry.requests.length
  writeFileSync(join(context, 'main.js'), 'console.log(2)')
  const second = await make(context)
  assert.deepEqual(second.layers.slice(0, -1), first.layers.slice(0, -1))
  assert.notEqual(second.layers.at(-1), first.layers.at(-1))
  assert.equal(registry.requests.length, asked)
})

test('Node project: platforms share every layer but that of packages for some platforms', async () => {
  const platforms: Platform[] = [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]
  const base = await world.store.resolve('localhost/node:latest')
  assert.ok(base)
  const [amd, arm] = await Promise.all(platforms.map((platform) => make(project(), { platform })))
  const different = amd!.layers.filter((layer) => !arm!.layers.includes(layer))
  assert.equal(different.length, 1)
  assert.ok(listing(await world.layer(different[0]!)).some((line) => line.endsWith('native-x64/a.node')))
})

test('Node project: secrets, node_modules, .git and what is ignored never reach a layer', async () => {
  const secret = 'hunter2-is-no-password'
  const { layers } = await make(
    project({
      '.env': secret,
      '.env.production': secret,
      '.npmrc': `//registry.test/:_authToken=${secret}`,
      'packages/own/.npmrc': secret,
      'node_modules/evil/index.js': secret,
      '.git/config': secret,
      'ignored/x': secret,
      '.dockerignore': 'ignored\n!.env',
      'private.key': secret,
      '.npmignore': '*.key',
    }),
  )
  for (const digest of layers.slice(1)) {
    assert.ok(!readFileSync(world.store.path(digest)).includes(secret), digest)
  }
})

test('Node project: a link that leads out of the project is refused, one that stays is kept', async () => {
  const context = world.context(project())
  symlinkSync('main.js', join(context, 'inner.js'))
  const { layers } = await make(context)
  assert.ok(listing(await world.layer(layers.at(-1)!)).includes('symlink 777 0:0 app/inner.js'))
  for (const target of ['/etc/passwd', '../../etc/passwd', 'packages/../../x']) {
    const bad = world.context(project())
    mkdirSync(dirname(join(bad, 'x')), { recursive: true })
    symlinkSync(target, join(bad, 'x'))
    await assert.rejects(make(bad), refused('PROJECT_INVALID', 'not in the project'))
  }
})

test('Node project: a package with other bytes than the lockfile says is refused', async () => {
  const files = project()
  const lock = files['package-lock.json']!.replace(a.integrity, `sha512-${Buffer.alloc(64, 7).toString('base64')}`)
  await assert.rejects(make({ ...files, 'package-lock.json': lock }), refused('PACKAGE_INVALID', 'the lockfile has'))
})

test('Node project: a lockfile of another package.json is refused', async () => {
  const files = project()
  const manifest = { ...(JSON.parse(files['package.json']!) as object), dependencies: { a: '^2.0.0', own: '*' } }
  await assert.rejects(make({ ...files, 'package.json': JSON.stringify(manifest) }), refused('LOCKFILE_STALE', '"a"'))
})

test('Node project: TypeScript is started as it is only where Node runs it', async () => {
  const files = project({ 'main.ts': 'const x: number = 1' })
  const manifest = JSON.stringify({ ...(JSON.parse(files['package.json']!) as object), main: 'main.ts' })
  const { config } = await make({ ...files, 'package.json': manifest })
  assert.equal(config.config?.Entrypoint?.at(-1), 'main.ts')
  await world.busybox({ Env: ['NODE_VERSION=20.1.0'] }, 'localhost/old:latest')
  const old = JSON.stringify({ ...(JSON.parse(manifest) as object), gantry: { base: 'localhost/old' } })
  await assert.rejects(
    make({ ...files, 'package.json': old }),
    refused('ENTRYPOINT_UNKNOWN', 'does not run TypeScript'),
  )
})

test('Node project: yarn 1 and pnpm lay out the same packages', async () => {
  const manifest = JSON.stringify({ name: 'app', main: 'main.js', dependencies: { a: '^1.0.0' } })
  const common = { 'package.json': manifest, 'main.js': '' }
  const yarn = await make({
    ...common,
    'yarn.lock': `a@^1.0.0:\n  version "1.0.0"\n  resolved "${a.url}"\n  integrity ${a.integrity}\n`,
  })
  assert.deepEqual(
    yarn.packages.map(({ path }) => path),
    ['/app/node_modules/a'],
  )
  const pnpm = await make({
    ...common,
    '.npmrc': `registry=${registry.address}`,
    'pnpm-lock.yaml': `lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        specifier: ^1.0.0\n        version: 1.0.0\npackages:\n  a@1.0.0:\n    resolution: {integrity: ${a.integrity}}\nsnapshots:\n  a@1.0.0: {}\n`,
  })
  assert.deepEqual(
    pnpm.packages.map(({ path }) => path),
    ['/app/node_modules/.pnpm/a@1.0.0/node_modules/a'],
  )
  const berry = await make({
    ...common,
    '.npmrc': `registry=${registry.address}`,
    'yarn.lock': '__metadata:\n  version: 8\n\n"a@npm:^1.0.0":\n  version: 1.0.0\n  resolution: "a@npm:1.0.0"\n',
  })
  assert.deepEqual(berry.packages, yarn.packages)
})

test('Node project: an SBOM of what the lockfile put there refers to the image', async () => {
  const { attestations = [] } = await make(project(), { attest: { sbom: ['cyclonedx'] }, tags: ['localhost/app:sbom'] })
  assert.equal(attestations.length, 1)
  const { layers } = JSON.parse(readFileSync(world.store.path(attestations[0]!.digest), 'utf8')) as {
    layers: { digest: Digest }[]
  }
  const sbom = readFileSync(world.store.path(layers[0]!.digest), 'utf8')
  for (const purl of ['pkg:npm/a@1.0.0', 'pkg:npm/%40s/b@2.0.0', 'pkg:npm/native-x64@1.0.0'])
    assert.ok(sbom.includes(purl), purl)
  await assert.rejects(make(project(), { attest: { provenance: 'max' } }), refused('OPTIONS_INVALID'))
})

test('Node project: an own addon is made on each platform, or nothing is begun', async () => {
  const files = project({ 'packages/own/binding.gyp': '{}' })
  const platforms: Platform[] = [
    { os: 'linux', architecture: world.ports.host.arch },
    { os: 'linux', architecture: 'loong64' },
  ]
  const asked = registry.requests.length
  const kinds: string[] = []
  const onEvent: NodeBuildOptions['onEvent'] = ({ kind }) => void kinds.push(kind)
  await assert.rejects(make(files, { platforms, onEvent }), refused('PLATFORM_UNSUPPORTED', 'for linux/loong64'))
  assert.deepEqual([kinds, registry.requests.length], [[], asked])
})

test('Node project: a module that was made for another processor is refused, and objects are left out', async () => {
  const elf = (machine: number): string =>
    `\u007FELF\u0002\u0001\u0001${'\0'.repeat(11)}${String.fromCharCode(machine)}\0`
  const files = project({
    'packages/own/build/Release/a.node': elf(62),
    'packages/own/build/Release/obj.target/a.o': 'object',
    'packages/own/prebuilds/darwin-arm64/a.node': 'of another system',
  })
  const { layers } = await make(files, { platform: { os: 'linux', architecture: 'amd64' } })
  const own = listing(await world.layer(layers.at(-2)!)).filter((line) => line.startsWith('file'))
  assert.deepEqual(own, [
    'file 644 0:0 app/packages/own/build/Release/a.node',
    'file 644 0:0 app/packages/own/index.js',
    'file 644 0:0 app/packages/own/package.json',
    'file 644 0:0 app/packages/own/prebuilds/darwin-arm64/a.node',
  ])
  await assert.rejects(
    make(files, { platform: { os: 'linux', architecture: 'arm64' } }),
    refused('PROJECT_INVALID', 'into an image for arm64: it is a module for amd64'),
  )
})
