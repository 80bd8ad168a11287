import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { MediaType } from '@gantry/oci'
import { type TarHeader, writeTar } from '@gantry/tar'
import { World } from '../test/world.ts'
import { compareLayers } from './compare-layers.ts'
import { describeDifference, verifyBuild } from './verify-build.ts'

let world: World
before(async () => {
  world = await World.open()
})
after(() => world[Symbol.asyncDispose]())

const plain: TarHeader = { path: 'a', type: 'file', mode: 0o644, uid: 0, gid: 0, size: 5, mtime: 1 }
type LayerEntry = readonly [header: Partial<TarHeader>, body?: string]
const layer = (...entries: readonly LayerEntry[]): ReturnType<typeof world.store.ingest> =>
  world.store.ingest(
    writeTar(
      entries.map(([header, body = 'hello']) =>
        (header.type ?? 'file') === 'file'
          ? { header: { ...plain, size: body.length, ...header }, body: [Buffer.from(body)] }
          : { header: { ...plain, size: 0, ...header } },
      ),
    ),
    { mediaType: MediaType.layerTar },
  )

test('layers: the first difference is told with its place', async () => {
  const rows: readonly (readonly [readonly LayerEntry[], readonly LayerEntry[], object | undefined])[] = [
    [[[{}]], [[{}]], undefined],
    [[[{}]], [[{ mode: 0o600 }]], { path: 'a', what: 'mode', first: '644', second: '600' }],
    [[[{}]], [[{ uid: 5 }]], { path: 'a', what: 'owner', first: '0:0', second: '5:0' }],
    [
      [[{}]],
      [[{ mtime: 2 }]],
      { path: 'a', what: 'time', first: '1970-01-01T00:00:01.000Z', second: '1970-01-01T00:00:02.000Z' },
    ],
    [[[{}, 'hello']], [[{}, 'help!']], { path: 'a', what: 'content', offset: 3, first: '"lo"', second: '"p!"' }],
    [[[{}, 'hello']], [[{}, 'hell']], { path: 'a', what: 'size', first: '5 bytes', second: '4 bytes' }],
    [[[{}]], [[{}], [{ path: 'b' }]], { path: 'b', what: 'only in the second' }],
    [[[{}], [{ path: 'b' }]], [[{}]], { path: 'b', what: 'only in the first' }],
    [[[{}], [{ path: 'b' }]], [[{ path: 'b' }], [{}]], { path: 'a', what: 'order' }],
    [[[{}]], [[{ type: 'directory' }]], { path: 'a', what: 'type', first: 'file', second: 'directory' }],
    [
      [[{ type: 'symlink', linkPath: 'x' }]],
      [[{ type: 'symlink', linkPath: 'y' }]],
      { path: 'a', what: 'link target', first: 'x', second: 'y' },
    ],
  ]
  for (const [first, second, expected] of rows) {
    const found = await compareLayers(world.store, await layer(...first), await layer(...second))
    assert.deepEqual(found, expected)
  }
})

test('layers: the byte is found behind megabytes that are equal', async () => {
  const same = 'x'.repeat(3_000_000)
  const found = await compareLayers(world.store, await layer([{}, `${same}1`]), await layer([{}, `${same}2`]))
  assert.deepEqual(found, { path: 'a', what: 'content', offset: 3_000_000, first: '"1"', second: '"2"' })
})

test('verify: equal builds are equal, and the image is there with its name', async () => {
  const context = world.context({ Dockerfile: 'FROM scratch\nCOPY . /x/\nWORKDIR /y\n', a: '1' })
  const { result, again, difference } = await verifyBuild({ context, environment: {}, tags: ['verified'] }, world.ports)
  assert.equal(result.digest, again)
  assert.equal(difference, undefined)
  assert.equal((await world.store.resolve('docker.io/library/verified:latest'))?.digest, result.digest)
})

test('verify: what changes between the builds is explained', async () => {
  const context = world.context({
    Dockerfile: 'FROM scratch\nCOPY same /x/\nCOPY other /x/\n',
    same: '1',
    other: 'abc1',
  })
  let builds = 0
  const { difference } = await verifyBuild(
    {
      context,
      environment: {},
      onEvent: ({ kind }) => {
        if (kind === 'done' && builds++ === 0) writeFileSync(join(context, 'other'), 'abc2')
      },
    },
    world.ports,
  )
  assert.deepEqual(describeDifference(difference!), [
    'the first step that differs is [stage-0 2/2] COPY other /x/',
    '"/x/other" has another content from byte 3 on',
    'first:  "1"',
    'second: "2"',
  ])
})

test('the same files make the same image, whatever their order, times, place and the umask', async () => {
  const files: readonly (readonly [string, string, number])[] = [
    ['Dockerfile', 'FROM scratch\nCOPY . /all/\nCOPY --chown=5:6 d /d/\nWORKDIR /w/x\n', 0o644],
    ['d/a', '1', 0o644],
    ['d/b', '2', 0o755],
    ['d/e/é', '3', 0o600],
    ['d/e.f', '4', 0o644],
    ['z', '5', 0o444],
  ]
  const digests = new Set<string>()
  for (const [number, order] of [files, files.toReversed(), [3, 1, 5, 0, 4, 2].map((at) => files[at]!)].entries()) {
    const umask = process.umask([0o022, 0o077, 0][number]!)
    try {
      const context = mkdtempSync(join(world.root, `place-${'x'.repeat(number)}-`))
      for (const [name, content, mode] of order) {
        const path = join(context, name)
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, content)
        chmodSync(path, mode)
        utimesSync(path, number * 1000, number * 100_000)
      }
      // Modes of directories are input: these are the same.
      for (const name of ['.', 'd', 'd/e']) chmodSync(join(context, name), 0o755)
      digests.add((await world.build(context, { noCache: true })).digest)
    } finally {
      process.umask(umask)
    }
  }
  assert.equal(digests.size, 1)
})
