import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openImage } from '@gantry/image'
import { type Manifest, MediaType } from '@gantry/oci'
import { busyboxMissing } from '@gantry/testing'
import { build } from './index.ts'
import { World } from './test/world.ts'

const skip = process.getuid?.() === 0 ? (busyboxMissing() ?? false) : 'needs root, to run containers'

// What other builders got wrong and an image of one build cannot show; the others are cases of the corpus.
describe('traps that other builders fell into', { skip, concurrency: false }, () => {
  let world: World
  before(async () => {
    world = await World.open()
    await world.busybox()
  })
  after(() => world[Symbol.asyncDispose]())

  const cached = (): boolean[] => world.steps().map(([, was]) => was)

  test('labels and the date of a base are not in the keys of the steps on it', async () => {
    const rest = 'COPY a /a\nRUN echo b >/b\nWORKDIR /w\n'
    const digests: string[] = []
    for (const [name, label] of [
      ['one', 'first'],
      ['two', 'second'],
    ] as const) {
      await world.busybox({ Labels: { label } }, `localhost/${name}:latest`)
      digests.push((await world.build({ Dockerfile: `FROM localhost/${name}\n${rest}`, a: 'a' })).digest)
      assert.deepEqual(
        cached(),
        Array.from({ length: 3 }, () => name === 'two'),
      )
    }
    assert.notEqual(digests[0], digests[1])
  })

  test('the body of a heredoc is in the key of its step, as it is after expansion', async () => {
    const file = (word: string): { Dockerfile: string } => ({
      Dockerfile: `FROM localhost/busybox\nARG v\nCOPY <<EOF /f\nis $v\nEOF\nRUN <<EOF\necho ${word} >/r\nEOF\n`,
    })
    const contents = async (word: string, v: string): Promise<string[]> => {
      const { layers } = await world.build(file(word), { buildArgs: { v } })
      const made = await Promise.all(layers.slice(-2).map((layer) => world.layer(layer)))
      return made.flat().flatMap(({ path, content }) => (/^[fr]$/.test(path) ? content : []))
    }
    assert.deepEqual(await contents('x', '1'), ['is 1\n', 'x\n'])
    assert.deepEqual(await contents('y', '1'), ['is 1\n', 'y\n'])
    assert.deepEqual(cached(), [true, false])
    assert.deepEqual(await contents('y', '2'), ['is 2\n', 'y\n'])
    assert.equal(cached()[0], false)
    assert.deepEqual(await contents('x', '1'), ['is 1\n', 'x\n'])
    assert.deepEqual(cached(), [true, true])
  })

  test('the ignore file is read once, whatever becomes of it while steps are done', async () => {
    const context = world.context({
      Dockerfile: 'FROM scratch\nCOPY a /a\nCOPY . /all/\n',
      '.dockerignore': 'hidden\n.dockerignore\nDockerfile\n',
      a: 'a',
      hidden: 'h',
    })
    let changed = 0
    const { descriptor } = await build(
      {
        context,
        environment: {},
        onEvent: ({ kind }) => {
          if (kind !== 'step-done') return
          changed += 1
          writeFileSync(join(context, '.dockerignore'), '')
        },
      },
      world.ports,
    )
    assert.equal(changed, 2)
    const image = await openImage(world.store, descriptor, { codec: world.codec })
    const { rootfs } = await image.config()
    const last = await world.layer(rootfs.diff_ids.at(-1)!)
    assert.deepEqual(
      last.map(({ path }) => path),
      ['all', 'all/a'],
    )
  })

  test('a base in media types of Docker makes a manifest with those of one family only', async () => {
    const read = (digest: string): Manifest =>
      JSON.parse(readFileSync(world.store.path(digest as Parameters<typeof world.store.path>[0]), 'utf8')) as Manifest
    const manifest = read((await world.busybox()).digest)
    const bytes = Buffer.from(
      JSON.stringify({
        ...manifest,
        mediaType: MediaType.dockerManifest,
        config: { ...manifest.config, mediaType: MediaType.dockerConfig },
        layers: manifest.layers.map((layer) => ({ ...layer, mediaType: MediaType.dockerLayerTar })),
      }),
    )
    async function* body(): AsyncGenerator<Uint8Array> {
      yield bytes
    }
    const descriptor = await world.store.ingest(body(), { mediaType: MediaType.dockerManifest })
    await world.store.tag('localhost/docker:latest', descriptor)
    const { digest } = await world.build({ Dockerfile: 'FROM localhost/docker\nRUN echo a >/a\n' })
    const { config, layers } = read(digest)
    assert.equal(layers.length, manifest.layers.length + 1)
    for (const { mediaType } of [config, ...layers]) assert.match(mediaType, /^application\/vnd\.oci\.image\./)
  })
})
