import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createCodec } from '@gantry/codec'
import { collect, openImage } from '@gantry/image'
import { run, which } from '@gantry/process'
import { openState } from '@gantry/state'
import { openStore, storeMigrations, type Store } from '@gantry/store'
import { readTar } from '@gantry/tar'
import { buildBase, type BaseResult } from './build-base.ts'
import type { BaseOptions } from './base-ports.ts'

const codec = createCodec()
let directory = ''

const noApt = which('apt-get') === undefined ? 'needs apt-get' : false
const noRoot = noApt === false && process.getuid?.() !== 0 ? 'needs root' : noApt
const noRootMaker = noRoot === false && which('mmdebstrap') === undefined ? 'needs mmdebstrap' : noRoot

async function make(
  name: string,
  place: string,
  options: BaseOptions = {},
): Promise<{ result: BaseResult; store: Store }> {
  const root = join(directory, place)
  const state = openState(join(directory, `${place}.db`), [storeMigrations])
  const store = await openStore({ root, state, codec })
  return { result: await buildBase(name, options, { store, codec, directory: join(directory, 'cache') }), store }
}

async function fileOf(store: Store, { descriptor }: BaseResult, wanted: string): Promise<string | undefined> {
  const image = await openImage(store, descriptor, { codec })
  for (const layer of await image.layers()) {
    for await (const { header, body } of readTar(await layer.openTar())) {
      if (header.path === wanted) return Buffer.from((await collect(body, 1e6)) ?? []).toString()
    }
  }
  return undefined
}

describe('buildBase', () => {
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gantry-base-'))
  })
  after(async () => {
    await codec.close()
    await rm(directory, { recursive: true })
  })

  test('busybox: two stores get the same image, a second build in one writes nothing', { skip: noApt }, async () => {
    const one = await make('busybox', 'one')
    const again = await buildBase('busybox', {}, { store: one.store, codec, directory: join(directory, 'cache') })
    const two = await make('busybox', 'two')
    assert.equal(one.result.reference, 'localhost/busybox:latest')
    assert.equal(again.upToDate, true)
    assert.equal(two.result.upToDate, false)
    assert.equal(two.result.digest, one.result.digest)
    assert.match((await fileOf(one.store, one.result, 'usr/share/gantry/packages.json')) ?? '', /"busybox-static"/)
    assert.match((await fileOf(one.store, one.result, 'etc/passwd')) ?? '', /^root:/)
  })

  test('two builds at once do no harm', { skip: noApt }, async () => {
    const both = await Promise.all([make('busybox', 'three'), make('busybox', 'four')])
    assert.equal(both[0].result.digest, both[1].result.digest)
  })

  test('debian and node: the same packages make the same image', { skip: noRootMaker, timeout: 900_000 }, async () => {
    const before = await leftovers()
    const node = await make('node', 'five')
    const debian = await make('debian', 'six')
    const below = await node.store.resolve('localhost/debian:latest')
    assert.equal(below?.digest, debian.result.digest)
    assert.match((await fileOf(node.store, node.result, 'usr/share/gantry/packages.json')) ?? '', /"ca-certificates"/)
    assert.match((await fileOf(node.store, node.result, 'usr/share/gantry/node.json')) ?? '', /"npm"/)
    const again = await buildBase('node', {}, { store: node.store, codec, directory: join(directory, 'cache') })
    assert.equal(again.upToDate, true)
    const forced = await make('node', 'six')
    assert.equal(forced.result.digest, node.result.digest)
    assert.deepEqual(await leftovers(), before, 'no root and no mount is left')
  })

  test(
    'a build that is broken off leaves nothing and names nothing',
    { skip: noRootMaker, timeout: 300_000 },
    async () => {
      const before = await leftovers()
      const stop = new AbortController()
      const onEvent: BaseOptions['onEvent'] = (event) => {
        if (event.kind === 'base-output' && event.line.includes('extracting')) stop.abort(new Error('enough'))
      }
      const state = openState(join(directory, 'seven.db'), [storeMigrations])
      const store = await openStore({ root: join(directory, 'seven'), state, codec })
      const ports = { store, codec, directory: join(directory, 'cache') }
      await assert.rejects(buildBase('debian', { signal: stop.signal, onEvent }, ports))
      assert.equal(await store.resolve('localhost/debian:latest'), undefined)
      assert.deepEqual(await leftovers(), before)
    },
  )

  test('a mirror that is out of reach is named', { skip: noApt }, async () => {
    const options = { mirror: 'http://127.0.0.1:9/debian', suite: 'bookworm' }
    await assert.rejects(make('busybox', 'eight', options), { code: 'PACKAGES_UNAVAILABLE', message: /127\.0\.0\.1:9/ })
  })

  test('an unknown name is refused', async () => {
    await assert.rejects(make('windows', 'nine'), { code: 'BASE_UNKNOWN' })
  })
})

async function leftovers(): Promise<{ roots: string[]; mounts: string[] }> {
  const { stdout } = await run('cat', ['/proc/self/mounts'])
  const names = await readdir(process.env['TMPDIR'] ?? '/var/tmp')
  return {
    roots: names.filter((name) => /^(mmdebstrap|gantry-root)/.test(name)),
    mounts: stdout.split('\n').filter((line) => /mmdebstrap|gantry-root/.test(line)),
  }
}
