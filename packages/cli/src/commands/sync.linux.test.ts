import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import { createCodec } from '@gantry/codec'
import { assembleImage, assembleIndex, copy, MemoryStore, randomImage, readDocument, readerOf } from '@gantry/image'
import { encodeJson, MediaType, parseIndex, parsePlatform, type Descriptor } from '@gantry/oci'
import { createRegistryClient } from '@gantry/registry-client'
import { openLayout } from '@gantry/store'
import { describeContent, expectCode } from '@gantry/testing'
import { parseFlags } from '../flags/parse-flags.ts'
import { transportWorld, type TestRegistry } from '../testing/transport-world.ts'
import { sync } from './sync.ts'

const codec = createCodec()
const world = await transportWorld()
const client = createRegistryClient({ codec, credentials: async () => undefined })
after(async () => {
  await world[Symbol.asyncDispose]()
  await codec.close()
})

async function run(...args: string[]): Promise<{ code: number; out: string }> {
  const { result, out } = await world.command(async (context) => {
    const parsed = parseFlags(sync.flags, args)
    return await sync.run(context, parsed.values, parsed.args)
  })
  return { code: result ?? 0, out }
}

/** Pushes an image of the given age under tags. */
async function push(
  registry: TestRegistry,
  repository: string,
  tags: readonly string[],
  seed: number,
): Promise<Descriptor> {
  const random = await randomImage({ codec, seed, compression: 'gzip' })
  const created = new Date(seed * 86_400_000).toISOString()
  const parts = { config: { ...(await random.config()), created }, layers: await random.layers() }
  const image = await assembleImage(parts, { source: random.source, codec })
  const remote = client.repository({ registry: registry.host, repository })
  await copy(image.source, remote, image.descriptor)
  for (const tag of tags) await remote.tag(tag, image.descriptor)
  return image.descriptor
}

async function tagsOf(registry: TestRegistry, repository: string): Promise<string[]> {
  const tags: string[] = []
  for await (const tag of client.repository({ registry: registry.host, repository }).tags()) tags.push(tag)
  return tags
}

const writing = (requests: readonly string[]): string[] => requests.filter((line) => !/^(?:GET|HEAD) /.test(line))

test('a mirror is made, kept, and costs only HEAD requests when nothing changed', async () => {
  const [from, to] = [await world.registry(), await world.registry()]
  for (const [at, tag] of ['1.0', '1.1', '2.0', 'latest'].entries()) await push(from, 'app', [tag], at + 1)
  const first = await run(`${from.host}/app`, `${to.host}/mirror/app`)
  assert.equal(first.code, 0, first.out)
  assert.match(first.out, /4 copied, 0 updated, 0 deleted, 0 already there\n$/)
  assert.deepEqual(await tagsOf(to, 'mirror/app'), ['1.0', '1.1', '2.0', 'latest'])

  from.requests.length = to.requests.length = 0
  const second = await run(`${from.host}/app`, `${to.host}/mirror/app`)
  assert.match(second.out, /^0 copied, 0 updated, 0 deleted, 4 already there\n$/)
  for (const [{ requests }, name] of [
    [from, 'app'],
    [to, 'mirror/app'],
  ] as const) {
    const asked = requests.filter((line) => line !== 'GET /v2/' && !line.includes('/tags/list'))
    assert.deepEqual(
      asked.toSorted(),
      ['1.0', '1.1', '2.0', 'latest'].map((tag) => `HEAD /v2/${name}/manifests/${tag}`),
    )
  }

  const moved = await push(from, 'app', ['latest'], 9)
  const third = await run(`${from.host}/app`, `${to.host}/mirror/app`)
  assert.match(third.out, /0 copied, 1 updated, 0 deleted, 3 already there\n$/)
  assert.match(third.out, new RegExp(`updated .*:latest .*${moved.digest} \\(was sha256:`))
})

test('a dry run prints what a run then does, and changes nothing', async () => {
  const [from, to] = [await world.registry(), await world.registry()]
  await push(from, 'app', ['1.0', '1.1'], 1)
  await push(to, 'app', ['1.1', '0.9', 'other'], 2)
  to.requests.length = 0
  const args = ['--tag', '[0-9]*', '--delete', `${from.host}/app`, `${to.host}/app`]
  const dry = await run('--dry-run', ...args)
  assert.deepEqual(writing(to.requests), [])
  const wet = await run(...args)
  assert.equal(
    dry.out
      .replaceAll('would copy', 'copied')
      .replaceAll('would update', 'updated')
      .replaceAll('would delete', 'deleted'),
    wet.out,
  )
  assert.match(wet.out, /1 copied, 1 updated, 1 deleted, 0 already there\n$/)
  // What the filters do not choose is nobody's to delete.
  assert.deepEqual(await tagsOf(to, 'app'), ['1.0', '1.1', 'other'])
})

test('tags are chosen by patterns, versions and age', async () => {
  const from = await world.registry()
  const tags = ['1.0', '1.1', '1.2', '1.2-rc.1', '2.0', 'v1.3.0', 'nightly', 'edge-1']
  for (const [at, tag] of tags.entries()) await push(from, 'app', [tag], at + 1)
  for (const [name, args, chosen] of [
    ['a', ['--tag', '1.*'], ['1.0', '1.1', '1.2', '1.2-rc.1']],
    ['b', ['--tag', '1.*', '--exclude-tag', '*-rc*'], ['1.0', '1.1', '1.2']],
    ['c', ['--versions', '>=1.1 <2'], ['1.1', '1.2', 'v1.3.0']],
    ['d', ['--tag', '/(nightly|edge-\\d)/'], ['edge-1', 'nightly']],
    ['e', ['--newest', '2'], ['edge-1', 'nightly']],
    ['f', ['--versions', '1.x', '--newest', '2'], ['1.2', 'v1.3.0']],
  ] as const) {
    const to = await world.registry()
    const { code, out } = await run(...args, `${from.host}/app`, `${to.host}/${name}`)
    assert.equal(code, 0, out)
    assert.deepEqual(await tagsOf(to, name), chosen)
  }
})

test('a tag that falls out of the newest is taken away, and one that is gone', async () => {
  const [from, to] = [await world.registry(), await world.registry()]
  for (const [at, tag] of ['1', '2', '3'].entries()) await push(from, 'app', [tag], at + 1)
  const args = ['--newest', '2', '--delete', `${from.host}/app`, `${to.host}/app`]
  await run(...args)
  assert.deepEqual(await tagsOf(to, 'app'), ['2', '3'])
  await push(from, 'app', ['4'], 4)
  await run(...args)
  assert.deepEqual(await tagsOf(to, 'app'), ['3', '4'])
  await client.repository({ registry: from.host, repository: 'app' }).delete('4')
  await run(...args)
  assert.deepEqual(await tagsOf(to, 'app'), ['2', '3'])
})

test('nothing is deleted where two repositories meet, and nothing is mirrored to itself', async () => {
  const [one, two, to] = [await world.registry(), await world.registry(), await world.registry()]
  await push(one, 'app', ['1'], 1)
  await push(two, 'app', ['2'], 2)
  const sources = [`${one.host}/app`, `${two.host}/app`]
  assert.equal((await run(...sources, `${to.host}/`)).code, 0)
  const both = await run('--delete', ...sources, `${to.host}/`)
  assert.equal(both.code, 1)
  assert.deepEqual(await tagsOf(to, 'app'), ['1', '2'])
  assert.equal((await run('--newest', '1', '--delete', `${to.host}/app`, `${to.host}/app`)).code, 1)
  assert.deepEqual(await tagsOf(to, 'app'), ['1', '2'])
  const layout = `oci:${world.path('met')}`
  const met = await run('--delete', ...sources, layout)
  assert.equal(met.code, 0, met.out)
})

test('nothing is deleted when the source lists no tags, or when something failed', async () => {
  let isBroken = false
  const from = await world.registry(async ({ path }) => {
    return isBroken && path.endsWith('/manifests/2') ? { status: 400, headers: { 'Content-Length': '0' } } : undefined
  })
  const to = await world.registry()
  await push(from, 'app', ['1', '2'], 1)
  await push(to, 'app', ['1', '2', '3'], 2)
  const args = ['--delete', `${from.host}/app`, `${to.host}/app`]
  isBroken = true
  const failing = await run(...args)
  assert.equal(failing.code, 1)
  assert.match(failing.out, /app:2: .*\n/)
  assert.match(failing.out, /1 updated, 0 deleted, 0 already there, 1 failed/)
  assert.deepEqual(await tagsOf(to, 'app'), ['1', '2', '3'])
  isBroken = false
  const repository = client.repository({ registry: from.host, repository: 'app' })
  for (const tag of ['1', '2']) await repository.delete(tag)
  const empty = await run(...args)
  assert.equal(empty.code, 1)
  assert.match(empty.out, /lists no tags at all/)
  assert.deepEqual(await tagsOf(to, 'app'), ['1', '2', '3'])
})

test('only some platforms are mirrored, always as the same index', async () => {
  const [from, to] = [await world.registry(), await world.registry()]
  const store = new MemoryStore(codec)
  const manifests: Descriptor[] = []
  for (const text of ['linux/amd64', 'linux/arm64', 'linux/s390x']) {
    const platform = parsePlatform(text)
    const image = await randomImage({ codec, seed: 20 + manifests.length, platform })
    await copy(image.source, store, image.descriptor)
    manifests.push({ ...image.descriptor, platform })
  }
  const index = await assembleIndex({ manifests }, { source: store, codec })
  const remote = client.repository({ registry: from.host, repository: 'app' })
  await copy(index.source, remote, index.descriptor)
  await remote.tag('1', index.descriptor)
  const args = ['--platform', 'linux/amd64', '--platform', 'linux/arm64', `${from.host}/app`, `${to.host}/app`]
  await run(...args)
  const mirror = client.repository({ registry: to.host, repository: 'app' })
  const found = await mirror.find('1')
  assert.equal(parseIndex(await readDocument(mirror, found)).manifests.length, 2)
  to.requests.length = 0
  assert.match((await run(...args)).out, /^0 copied, 0 updated, 0 deleted, 1 already there\n$/)
  assert.deepEqual(writing(to.requests), [])
})

test('referrers go along, also those that come later', async () => {
  const [from, to] = [await world.registry(), await world.registry()]
  const subject = await push(from, 'app', ['1'], 1)
  const args = ['--referrers', `${from.host}/app`, `${to.host}/app`]
  await run(...args)
  const remote = client.repository({ registry: from.host, repository: 'app' })
  const empty = encodeJson({})
  const config = describeContent(empty, { mediaType: MediaType.emptyJson })
  await remote.put(config, readerOf(empty))
  const mediaType = MediaType.imageManifest
  const document = {
    schemaVersion: 2,
    mediaType,
    artifactType: 'application/x-sbom',
    config,
    layers: [config],
    subject,
  }
  const bytes = encodeJson(document)
  await remote.put(describeContent(bytes, { mediaType }), readerOf(bytes))
  assert.match((await run('--dry-run', ...args)).out, /would update .* with 1 referrers/)
  await run(...args)
  const found: string[] = []
  for await (const each of client.repository({ registry: to.host, repository: 'app' }).referrers(subject.digest)) {
    found.push(each.artifactType ?? '')
  }
  assert.deepEqual(found, ['application/x-sbom'])
  assert.match((await run(...args)).out, /^0 copied, 0 updated, 0 deleted, 1 already there\n$/)
})

test('a whole registry goes below a prefix, and into a layout', async () => {
  const [from, to] = [await world.registry(), await world.registry()]
  for (const [at, name] of ['team/a', 'team/b', 'other'].entries()) await push(from, name, ['1'], at + 1)
  await run('--repository', 'team/*', `${from.host}/`, `${to.host}/mirror`)
  assert.deepEqual(await tagsOf(to, 'mirror/team/a'), ['1'])
  assert.deepEqual(await tagsOf(to, 'mirror/team/b'), ['1'])
  await assert.rejects(tagsOf(to, 'mirror/other'), { code: 'NAME_UNKNOWN' })

  const args = ['--exclude-repository', 'other', '--delete', from.host, `oci:${world.path('mirror')}`]
  assert.equal((await run(...args)).code, 0)
  const layout = await openLayout(world.path('mirror'), { codec })
  const names = async (): Promise<unknown> => (await layout.entries()).map(({ name }) => name)
  assert.deepEqual(await names(), [`${from.host}/team/a:1`, `${from.host}/team/b:1`])
  await push(from, 'team/a', ['2'], 7)
  await client.repository({ registry: from.host, repository: 'team/a' }).delete('1')
  assert.match((await run(...args)).out, /1 copied, 0 updated, 1 deleted, 1 already there\n$/)
  assert.deepEqual(await names(), [`${from.host}/team/b:1`, `${from.host}/team/a:2`])
})

test('several mirrors, each with filters of its own, are in a file', async () => {
  const [from, to] = [await world.registry(), await world.registry()]
  await push(from, 'app', ['1', '2'], 1)
  await push(from, 'base', ['1', '2'], 2)
  const config = world.path('sync.json')
  const jobs = [
    { from: `${from.host}/app`, to: `${to.host}/app`, tags: ['2'] },
    { from: `${from.host}/base`, to: `${to.host}/copies/` },
    { from: '127.0.0.1:1/app', to: `${to.host}/app` },
  ]
  await writeFile(config, JSON.stringify({ defaults: { tags: ['1'] }, sync: jobs }))
  const { code, out } = await run('--format', 'json', '--config', config)
  assert.equal(code, 1)
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    lines.map(({ kind, tag }) => [kind, tag]),
    [
      ['copy', '2'],
      ['copy', '1'],
      ['failure', undefined],
      [undefined, undefined],
    ],
  )
  assert.deepEqual(lines.at(-1)?.['summary'], { current: 0, copy: 2, update: 0, delete: 0, failure: 1 })
  assert.deepEqual([await tagsOf(to, 'app'), await tagsOf(to, 'copies/base')], [['2'], ['1']])
})

for (const [what, value] of [
  ['no object', []],
  ['nothing to do', { sync: [] }],
  ['a member nobody knows', { sync: [{ from: 'a', to: 'b', tag: ['1'] }] }],
  ['a default that is no filter', { defaults: { from: 'x' }, sync: [{ from: 'a', to: 'b' }] }],
  ['no source', { sync: [{ to: 'b' }] }],
  ['a wrong type', { sync: [{ from: 'a', to: 'b', newest: '5' }] }],
  ['a number of tags that is none', { sync: [{ from: 'a', to: 'b', newest: 0 }] }],
] as const) {
  test(`a configuration with ${what} is refused`, async () => {
    const config = world.path('bad.json')
    await writeFile(config, JSON.stringify(value))
    await expectCode(run('--config', config), 'CONFIG_INVALID')
  })
}

test('a command line that makes no sense is refused', async () => {
  for (const [args, code] of [
    [['registry.example/app'], 'USAGE'],
    [['--config', 'x', 'a', 'b'], 'USAGE'],
    [['--config', 'x', '--tag', 'a'], 'USAGE'],
    [['--tag', '/(/', 'a', 'b'], 'PATTERN_INVALID'],
    [['--versions', 'x.y', 'a', 'b'], 'RANGE_INVALID'],
    [['--newest', '0', 'a', 'b'], 'CONFIG_INVALID'],
  ] as const) {
    await expectCode(run(...args), code)
  }
  const { code, out } = await run('registry.example/app:1', 'registry.example/other')
  assert.equal(code, 1)
  assert.match(out, /names a tag/)
})
