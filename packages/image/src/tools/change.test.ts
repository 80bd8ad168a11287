import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ContainerConfig, ImageConfig } from '@gantry/oci'
import { expectCode, file, imageOf, testCodec } from '@gantry/testing'
import { layerStacks } from '@gantry/testing/fuzz'
import { writeTar, type TarInput } from '@gantry/tar'
import * as fc from 'fast-check'
import { assembleImage, assembleIndex } from '../assemble.ts'
import { copy } from '../copy.ts'
import type { Image } from '../image.ts'
import { MemoryStore } from '../memory-store.ts'
import { mutate } from '../mutate.ts'
import { openImage, openIndex } from '../open-image.ts'
import { randomImage } from '../random-image.ts'
import { append } from './append.ts'
import { assembleArtifact } from './artifact.ts'
import { editConfig, type ConfigEdits } from './edit-config.ts'
import { mapImages } from './map-images.ts'
import { baseAnnotations, rebase } from './rebase.ts'
import { validateContent } from './validate-content.ts'

const codec = testCodec()

describe('editConfig', () => {
  const base: ContainerConfig = {
    Env: ['PATH=/bin', 'A=1'],
    Cmd: ['run'],
    Entrypoint: ['/init'],
    Labels: { a: '1', b: '2' },
    ExposedPorts: { '80/tcp': {} },
    User: 'web',
  }
  const rows: readonly [rule: string, edits: ConfigEdits, expected: ContainerConfig][] = [
    ['nothing changes nothing', {}, base],
    ['a variable is set in its place', { env: { PATH: '/usr/bin' } }, { ...base, Env: ['PATH=/usr/bin', 'A=1'] }],
    ['a new variable comes last', { env: { B: '' } }, { ...base, Env: ['PATH=/bin', 'A=1', 'B='] }],
    ['a variable is taken away', { env: { PATH: undefined } }, { ...base, Env: ['A=1'] }],
    [
      'a label is set and another taken away',
      { labels: { a: undefined, c: '3' } },
      { ...base, Labels: { b: '2', c: '3' } },
    ],
    [
      'an entrypoint takes the command away',
      { entrypoint: ['/bin/sh'] },
      without({ ...base, Entrypoint: ['/bin/sh'] }, 'Cmd'),
    ],
    [
      'an entrypoint with a command has it',
      { entrypoint: ['/bin/sh'], cmd: ['-c'] },
      { ...base, Entrypoint: ['/bin/sh'], Cmd: ['-c'] },
    ],
    ['what is empty is gone', { entrypoint: [], cmd: [], user: '' }, without(base, 'Entrypoint', 'Cmd', 'User')],
    [
      'a port is tcp unless it says otherwise',
      { expose: { '80': false, '53/udp': true, '81': true } },
      { ...base, ExposedPorts: { '53/udp': {}, '81/tcp': {} } },
    ],
    ['the last port takes the set away', { expose: { '80': false } }, without(base, 'ExposedPorts')],
    [
      'volumes and working directory are added',
      { volumes: { '/data': true }, workdir: '/srv' },
      { ...base, Volumes: { '/data': {} }, WorkingDir: '/srv' },
    ],
  ]
  for (const [rule, edits, expected] of rows) {
    test(rule, () => {
      const config: Omit<ImageConfig, 'rootfs'> = { architecture: 'amd64', os: 'linux', config: base }
      assert.deepEqual(editConfig(config, edits).config, expected)
    })
  }

  test('a time is that of every step, and a platform takes the variant of before away', () => {
    const before = {
      architecture: 'arm',
      os: 'linux',
      variant: 'v6',
      created: 'x',
      history: [{ created: 'y', created_by: 'z' }],
    }
    assert.deepEqual(
      editConfig(before, { created: '2026-01-01T00:00:00Z', platform: { os: 'linux', architecture: 'amd64' } }),
      {
        architecture: 'amd64',
        os: 'linux',
        created: '2026-01-01T00:00:00Z',
        history: [{ created: '2026-01-01T00:00:00Z', created_by: 'z' }],
      },
    )
  })
})

describe('append and mutate', () => {
  test('of random images are valid, and equal inputs make equal digests', async () => {
    await fc.assert(
      fc.asyncProperty(
        layerStacks,
        fc.dictionary(fc.stringMatching(/^[A-Z]{1,4}$/), fc.string({ maxLength: 8 }), { noNullPrototype: true }),
        fc.constantFrom('none', 'gzip', 'zstd'),
        async (layers, env, compression) => {
          const make = async (): Promise<{ image: Image; store: MemoryStore }> => {
            const store = new MemoryStore(codec)
            const [lowest = [], ...others] = layers
            const base = await imageOf(store, [lowest], { codec })
            const added = others.map((entries) => ({ tar: writeTar(entries) }))
            const larger = await append(base, added, { codec, into: store, compression })
            const image = await mutate(larger, { config: (config) => editConfig(config, { env }) }, codec)
            await copy(image.source, store, image.descriptor)
            return { image, store }
          }
          const { image, store } = await make()
          assert.deepEqual(await validateContent(store, image.descriptor, { codec }), [])
          assert.equal((await make()).image.descriptor.digest, image.descriptor.digest)
        },
      ),
      { numRuns: 40 },
    )
  })

  test('a history that tells every layer goes on doing so', async () => {
    const image = await randomImage({ codec })
    const larger = await append(image, [{ tar: writeTar([file('x')]) }], { codec, into: image.source })
    const { history = [] } = await larger.config()
    assert.equal(history.length, 3)
    await copy(larger.source, image.source, larger.descriptor)
    assert.deepEqual(await validateContent(image.source, larger.descriptor, { codec }), [])
  })
})

describe('rebase', () => {
  async function bases(): Promise<{ store: MemoryStore; old: Image; fresh: Image; app: Image }> {
    const store = new MemoryStore(codec)
    const make = async (entries: readonly TarInput[], config: ContainerConfig): Promise<Image> =>
      imageOf(store, [entries], { codec, config })
    const old = await make([file('os', '1')], {
      Env: ['PATH=/bin', 'VERSION=1', 'GONE=1'],
      Cmd: ['sh'],
      Labels: { os: '1' },
    })
    const fresh = await make([file('os', '2')], {
      Env: ['PATH=/bin', 'VERSION=2', 'NEW=1'],
      Cmd: ['bash'],
      Labels: { os: '2' },
      User: 'nobody',
    })
    const added = await append(old, [{ tar: writeTar([file('app', 'x')]) }], { codec, into: store })
    const app = await mutate(
      added,
      {
        config: (config) =>
          editConfig(config, { env: { PATH: '/app/bin:/bin', APP: 'yes' }, labels: { app: 'x' }, workdir: '/app' }),
      },
      codec,
    )
    return { store, old, fresh, app }
  }

  test('puts the image’s layers on the new base, and what it had from the old one is as in the new one', async () => {
    const { old, fresh, app, store } = await bases()
    const moved = await rebase(app, { codec, oldBase: old, newBase: fresh, newBaseName: 'localhost/os:2' })
    const config = await moved.config()
    assert.deepEqual(config.config, {
      Env: ['PATH=/app/bin:/bin', 'VERSION=2', 'NEW=1', 'APP=yes'],
      Cmd: ['bash'],
      User: 'nobody',
      Labels: { os: '2', app: 'x' },
      WorkingDir: '/app',
    })
    const layers = await moved.layers()
    assert.deepEqual(
      layers.map(({ diffId }) => diffId),
      [...(await fresh.layers()).slice(0, 1), ...(await app.layers()).slice(1)].map(({ diffId }) => diffId),
    )
    const { annotations = {} } = await moved.manifest()
    assert.equal(annotations[baseAnnotations.name], 'localhost/os:2')
    assert.equal(annotations[baseAnnotations.digest], fresh.descriptor.digest)
    await copy(moved.source, store, moved.descriptor)
    assert.deepEqual(await validateContent(store, moved.descriptor, { codec }), [])
  })

  test('onto the same base changes nothing but the annotations', async () => {
    const { old, app } = await bases()
    const moved = await rebase(app, { codec, oldBase: old, newBase: old })
    assert.deepEqual(await moved.config(), await app.config())
  })

  test('refuses an image that does not stand on the old base', async () => {
    const { old, fresh, app } = await bases()
    await expectCode(rebase(app, { codec, oldBase: fresh, newBase: old }), 'REBASE_INVALID')
  })

  test('refuses a base for another platform', async () => {
    const { old, app, store } = await bases()
    const other = await assembleImage(
      { config: { architecture: 'riscv64', os: 'linux' }, layers: await old.layers() },
      { source: store, codec },
    )
    await expectCode(rebase(app, { codec, oldBase: old, newBase: other }), 'REBASE_INVALID')
  })

  test('tells of every layer in the history, whatever the bases tell', async () => {
    const old = await randomImage({ codec, layers: 2 })
    const fresh = await randomImage({ codec, layers: 3, seed: 9 })
    const app = await append(old, [{ tar: writeTar([file('app')]) }], { codec, into: old.source })
    const moved = await rebase(app, { codec, oldBase: old, newBase: fresh })
    assert.equal((await moved.config()).history?.length, 4)
  })
})

describe('mapImages', () => {
  async function index(): Promise<{
    store: MemoryStore
    descriptor: Awaited<ReturnType<typeof assembleIndex>>['descriptor']
  }> {
    const store = new MemoryStore(codec)
    const manifests = []
    for (const architecture of ['amd64', 'arm64']) {
      const platform = { os: 'linux', architecture }
      const image = await randomImage({ codec, platform })
      await copy(image.source, store, image.descriptor)
      manifests.push({ ...image.descriptor, platform })
    }
    const [first] = manifests
    const attestation = await assembleArtifact(
      { artifactType: 'application/vnd.example', blobs: [], ...(first === undefined ? {} : { subject: first }) },
      codec,
    )
    await copy(attestation.source, store, attestation.descriptor)
    const unknown = { ...attestation.descriptor, platform: { os: 'unknown', architecture: 'unknown' } }
    const made = await assembleIndex(
      { manifests: [...manifests, unknown], annotations: { a: 'b' } },
      { source: store, codec },
    )
    await copy(made.source, store, made.descriptor)
    return { store, descriptor: made.descriptor }
  }
  const change = (image: Image): Promise<Image> =>
    mutate(image, { config: (config) => editConfig(config, { user: 'me' }) }, codec)

  test('changes every image of an index, and leaves what told of the old ones out', async () => {
    const { store, descriptor } = await index()
    const view = await mapImages(store, descriptor, { codec, change })
    await copy(view.source, store, view.descriptor)
    const changed = await openIndex(store, view.descriptor, { codec })
    const { manifests, annotations } = await changed.index()
    assert.deepEqual(
      manifests.map(({ platform }) => platform?.architecture),
      ['amd64', 'arm64'],
    )
    assert.deepEqual(annotations, { a: 'b' })
    for (const each of manifests)
      assert.equal((await (await openImage(store, each, { codec })).config()).config?.User, 'me')
    assert.deepEqual(await validateContent(store, view.descriptor, { codec }), [])
  })

  test('with a platform answers that image alone', async () => {
    const { store, descriptor } = await index()
    const view = await mapImages(store, descriptor, { codec, change, platform: { os: 'linux', architecture: 'arm64' } })
    assert.equal((await (await openImage(view.source, view.descriptor, { codec })).config()).architecture, 'arm64')
  })

  test('of an index of which one image is there, that one is the result when it may be sparse', async () => {
    const { store, descriptor } = await index()
    const whole = await openIndex(store, descriptor, { codec })
    const [first, second, third] = (await whole.index()).manifests
    for (const gone of [second, third]) store.delete(gone!.digest)
    await expectCode(mapImages(store, descriptor, { codec, change }), 'BLOB_UNKNOWN')
    const view = await mapImages(store, descriptor, { codec, change, sparse: true })
    assert.equal(view.descriptor.mediaType, first!.mediaType)
  })
})

function without<T extends object>(value: T, ...keys: readonly (keyof T)[]): T {
  const copied = { ...value }
  for (const key of keys) delete copied[key]
  return copied
}
