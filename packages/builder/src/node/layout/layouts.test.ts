import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { posix } from 'node:path'
import { BuildError } from '../../build-error.ts'
import type { Edge, GraphPackage, LockGraph } from '../lock/lock.ts'
import { parseNpmLock } from '../lock/npm-lock.ts'
import { isNamedForOther } from './guess-platform.ts'
import { hoistedLayout } from './hoisted-layout.ts'
import { isolatedLayout } from './isolated-layout.ts'
import type { Layout, NodePlatform } from './layout.ts'
import { npmLayout } from './npm-layout.ts'

const platform: NodePlatform = { os: 'linux', cpu: 'x64', libc: 'glibc' }
const production = { target: '', dev: false, platform }

function edge(name: string, key = `${name}@1.0.0`, optional = false): Edge {
  return { name, to: { kind: 'package', key }, optional }
}

function graph(packages: Readonly<Record<string, readonly Edge[]>>, dependencies: readonly Edge[]): LockGraph {
  const list = Object.entries(packages).map(([key, edges]): [string, GraphPackage] => {
    const at = key.lastIndexOf('@')
    return [key, { locked: { name: key.slice(0, at), version: key.slice(at + 1) }, dependencies: edges }]
  })
  return { packages: new Map(list), workspaces: new Map([['', { dependencies, devDependencies: [] }]]) }
}

function placed({ packages }: Layout): string[] {
  return packages.map(({ path, locked }) => `${path} ${locked.version}`)
}

const npm = parseNpmLock(
  JSON.stringify({
    lockfileVersion: 3,
    packages: {
      '': { dependencies: { unrelated: '1' }, devDependencies: { tool: '1' } },
      'packages/app': { dependencies: { lib: '*', a: '1' }, devDependencies: { 'app-tool': '1' } },
      'packages/lib': { dependencies: { b: '2' } },
      'packages/other': { dependencies: { unrelated: '1' } },
      'node_modules/lib': { resolved: 'packages/lib', link: true },
      'node_modules/unrelated': { version: '1.0.0' },
      'node_modules/tool': { version: '1.0.0' },
      'node_modules/app-tool': { version: '1.0.0', dependencies: { b: '1' } },
      'node_modules/a': { version: '1.0.0', dependencies: { b: '1', c: '1' }, optionalDependencies: { mac: '1' } },
      'node_modules/b': { version: '1.0.0' },
      'node_modules/c': {
        version: '1.0.0',
        dependencies: { a: '1' },
        peerDependencies: { maybe: '1' },
        peerDependenciesMeta: { maybe: { optional: true } },
      },
      'node_modules/mac': { version: '1.0.0', os: ['darwin'] },
      'packages/lib/node_modules/b': { version: '2.0.0' },
    },
  }),
  'package-lock.json',
)

test('npm layout: only what the target needs, where the lockfile has it', () => {
  const layout = npmLayout(npm, { ...production, target: 'packages/app' })
  assert.deepEqual(placed(layout), [
    'node_modules/a 1.0.0',
    'node_modules/b 1.0.0',
    'node_modules/c 1.0.0',
    'packages/lib/node_modules/b 2.0.0',
  ])
  assert.deepEqual(layout.links, [{ path: 'node_modules/lib', target: '../packages/lib' }])
  assert.deepEqual(layout.workspaces, ['packages/lib', 'packages/app'])
})

test('npm layout: for building, with what the target, its workspaces and the root develop with', () => {
  const layout = npmLayout(npm, { ...production, target: 'packages/app', dev: true })
  const names = layout.packages.map(({ locked }) => locked.name)
  assert.ok(names.includes('tool') && names.includes('app-tool') && !names.includes('unrelated'))
})

test('npm layout: what is missing or not for the platform ends it, unless it is optional', () => {
  const missing = parseNpmLock('{"lockfileVersion":3,"packages":{"":{"dependencies":{"a":"1"}}}}', 'package-lock.json')
  assert.throws(
    () => npmLayout(missing, production),
    (error) => error instanceof BuildError && error.code === 'LOCKFILE_STALE',
  )
  const other = parseNpmLock(
    '{"lockfileVersion":3,"packages":{"":{"dependencies":{"a":"1"}},"node_modules/a":{"version":"1.0.0","cpu":["arm64"]}}}',
    'package-lock.json',
  )
  assert.throws(
    () => npmLayout(other, production),
    (error) => error instanceof BuildError && error.code === 'PLATFORM_UNSUPPORTED',
  )
})

test('isolated layout: a package lies once, beside links to what it asks for', () => {
  const layout = isolatedLayout(
    graph({ 'a@1.0.0': [edge('@s/b')], '@s/b@1.0.0': [edge('a')] }, [edge('alias', 'a@1.0.0')]),
    production,
  )
  assert.deepEqual(placed(layout), [
    'node_modules/.pnpm/@s+b@1.0.0/node_modules/@s/b 1.0.0',
    'node_modules/.pnpm/a@1.0.0/node_modules/a 1.0.0',
  ])
  assert.deepEqual(layout.links, [
    { path: 'node_modules/.pnpm/@s+b@1.0.0/node_modules/a', target: '../../a@1.0.0/node_modules/a' },
    { path: 'node_modules/.pnpm/a@1.0.0/node_modules/@s/b', target: '../../../@s+b@1.0.0/node_modules/@s/b' },
    { path: 'node_modules/.pnpm/node_modules/@s/b', target: '../../@s+b@1.0.0/node_modules/@s/b' },
    { path: 'node_modules/.pnpm/node_modules/a', target: '../a@1.0.0/node_modules/a' },
    { path: 'node_modules/alias', target: '.pnpm/a@1.0.0/node_modules/a' },
  ])
})

test('hoisted layout: as high as it goes without hiding another version', () => {
  const layout = hoistedLayout(
    graph(
      {
        'a@1.0.0': [edge('c', 'c@2.0.0')],
        'b@1.0.0': [edge('c', 'c@1.0.0')],
        'c@1.0.0': [],
        'c@2.0.0': [edge('d')],
        'd@1.0.0': [edge('c', 'c@1.0.0')],
      },
      [edge('a'), edge('b'), edge('c', 'c@1.0.0')],
    ),
    production,
  )
  assert.deepEqual(placed(layout), [
    'node_modules/a 1.0.0',
    'node_modules/a/node_modules/c 2.0.0',
    'node_modules/b 1.0.0',
    'node_modules/c 1.0.0',
    'node_modules/d 1.0.0',
  ])
})

/** What Node finds for a name from a directory, links followed. */
function find(layout: Layout, from: string, name: string): string | undefined {
  const packages = new Map(layout.packages.map(({ path, locked }) => [path, `${locked.name}@${locked.version}`]))
  const links = new Map(layout.links.map(({ path, target }) => [path, posix.join(posix.dirname(path), target)]))
  for (let at = from; ; at = posix.dirname(at)) {
    if (at === '.') at = ''
    if (posix.basename(at) !== 'node_modules') {
      const path = posix.join(at, 'node_modules', name)
      const found = packages.get(links.get(path) ?? path)
      if (found !== undefined) return found
    }
    if (at === '') return undefined
  }
}

test('layouts: from every place, Node finds the version that was asked for', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const keys = names.flatMap((name) => [`${name}@1.0.0`, `${name}@2.0.0`])
  // Each asks for at most one version of a name.
  const asked = fc.uniqueArray(fc.constantFrom(...keys), { maxLength: 4, selector: (key) => key[0] })
  const edges = (list: readonly string[]): Edge[] => list.map((key) => edge(key.slice(0, 1), key))
  const graphs = fc.tuple(fc.tuple(...keys.map(() => asked)), asked).map(([of, root]) => {
    const packages = Object.fromEntries(
      keys.map((key, index) => [key, edges(of[index]!.filter((each) => each[0]! > key[0]!))]),
    )
    return graph(packages, edges(root))
  })
  fc.assert(
    fc.property(graphs, (found) => {
      for (const layout of [hoistedLayout(found, production), isolatedLayout(found, production)]) {
        for (const { name, to } of found.workspaces.get('')!.dependencies) {
          assert.equal(find(layout, '', name), to.kind === 'package' ? to.key : '')
        }
        for (const { path, locked } of layout.packages) {
          for (const { name, to } of found.packages.get(`${locked.name}@${locked.version}`)!.dependencies) {
            assert.equal(find(layout, path, name), to.kind === 'package' ? to.key : '')
          }
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('hoisted layout: versions that ask for each other in a circle without end are refused', () => {
  const circle = {
    'a@1.0.0': [edge('b')],
    'b@1.0.0': [edge('a', 'a@2.0.0')],
    'a@2.0.0': [edge('b', 'b@2.0.0')],
    'b@2.0.0': [edge('a')],
  }
  assert.throws(() => hoistedLayout(graph(circle, [edge('a')]), production), BuildError)
  assert.equal(isolatedLayout(graph(circle, [edge('a')]), production).packages.length, 4)
})

const guesses: readonly (readonly [name: string, isOther: boolean])[] = [
  ['@esbuild/darwin-arm64', true],
  ['@esbuild/linux-x64', false],
  ['@esbuild/linux-arm64', true],
  ['@rollup/rollup-linux-x64-musl', true],
  ['@img/sharp-linuxmusl-x64', true],
  ['@img/sharp-linux-x64', false],
  ['@rollup/rollup-win32-x64-msvc', true],
  ['left-pad', false],
  ['x64-tools', false],
]

for (const [name, isOther] of guesses) {
  test(`the name "${name}" is ${isOther ? '' : 'not '}of another platform`, () =>
    assert.equal(isNamedForOther(name, platform), isOther))
}
