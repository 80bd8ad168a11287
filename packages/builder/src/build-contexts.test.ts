import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { after, before, describe, test } from 'node:test'
import { copy, openImage, openIndex } from '@gantry/image'
import { openLayout } from '@gantry/store'
import { writeTar } from '@gantry/tar'
import { World } from './test/world.ts'

let world: World
before(async () => {
  world = await World.open()
})
after(() => world[Symbol.asyncDispose]())

const paths = async (digest: Parameters<World['layer']>[0]): Promise<string[]> =>
  (await world.layer(digest)).map(({ path, content }) => (content === '' ? path : `${path}=${content}`))

const archive = async (files: Readonly<Record<string, string>>): Promise<Buffer> => {
  const entries = Object.entries(files).map(([path, content]) => {
    const header = { path, type: 'file', mode: 0o644, uid: 9, gid: 9, size: content.length, mtime: 7 } as const
    return { header, body: [Buffer.from(content)] }
  })
  return Buffer.concat(await Array.fromAsync(writeTar(entries)))
}

async function* stream(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700)
}

const build = (
  ...[context, options]: [Parameters<typeof world.buildFrom>[0], Parameters<typeof world.buildFrom>[1]?]
) => world.buildFrom(context, options)

describe('a context from elsewhere', () => {
  test('an archive on a stream, compressed or not; its ignore file does not count', async () => {
    const bytes = await archive({ Dockerfile: 'FROM scratch\nCOPY . /\n', a: '1', '.dockerignore': 'a' })
    for (const form of [bytes, gzipSync(bytes)]) {
      const { layers } = await build({ stream: stream(form) })
      assert.ok((await paths(layers[0]!)).includes('a=1'))
    }
    world.assertClean()
  })

  test('a Dockerfile on a stream has nothing to copy from', async () => {
    const { config } = await build({ stream: stream(Buffer.from('FROM scratch\nENV a=b\n')) })
    assert.ok(config.config?.Env?.includes('a=b'))
    await assert.rejects(build({ stream: stream(Buffer.from('FROM scratch\nCOPY a /\n')) }), { code: 'SOURCE_UNKNOWN' })
    const text = world.buildFrom(world.context({ a: 'here' }), { dockerfileText: 'FROM scratch\nCOPY a /\n' })
    assert.deepEqual(await paths((await text).layers[0]!), ['a=here'])
  })

  test('what leads out of it is refused or harmless', async () => {
    const escape = await archive({ Dockerfile: 'FROM scratch\n', '../../out': 'x' })
    await assert.rejects(build({ stream: stream(escape) }), { code: 'CONTEXT_INVALID' })
    const cut = (await archive({ Dockerfile: `FROM scratch\n${'#'.repeat(4000)}` })).subarray(0, 2000)
    await assert.rejects(build({ stream: stream(cut) }), { code: 'CONTEXT_INVALID' })
    const header = {
      path: 'Dockerfile',
      type: 'symlink',
      linkPath: '/etc/passwd',
      mode: 0o777,
      uid: 0,
      gid: 0,
      size: 0,
      mtime: 0,
    } as const
    const link = Buffer.concat(await Array.fromAsync(writeTar([{ header }])))
    await assert.rejects(build({ stream: stream(link) }), { code: 'DOCKERFILE_UNREADABLE' })
    world.assertClean()
  })

  describe('over HTTP', () => {
    let server: Server
    let base: string
    before(async () => {
      const bytes = gzipSync(await archive({ 'sub/Dockerfile': 'FROM scratch\nCOPY a /\n', a: 'got' }))
      server = createServer((request, response) => {
        response.end(request.url === '/context.tgz' ? bytes : 'FROM scratch\nLABEL from=web\n')
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      base = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
    })
    after(() => server.close())

    test('an archive, with the Dockerfile where -f says, or a Dockerfile alone', async () => {
      const { layers } = await build(`${base}/context.tgz`, { dockerfile: 'sub/Dockerfile' })
      assert.deepEqual(await paths(layers[0]!), ['a=got'])
      assert.deepEqual((await build(`${base}/Dockerfile`)).config.config?.Labels, { from: 'web' })
      await assert.rejects(build(`${base}/context.tgz`), { code: 'DOCKERFILE_UNREADABLE' })
    })
  })
})

describe('contexts with names', () => {
  test('a directory, with its own ignore file, to copy from and to start from', async () => {
    const other = world.context({ f: '1', no: '2', '.dockerignore': 'no\n.dockerignore' })
    mkdirSync(join(other, 'etc'))
    symlinkSync('f', join(other, 'link'))
    const Dockerfile = 'FROM Other\nCOPY --from=other f /copied\nCOPY own /\n'
    const { layers } = await world.build({ Dockerfile, own: '3' }, { contexts: { other } })
    assert.deepEqual(await paths(layers[0]!), ['etc', 'f=1', 'link'])
    assert.deepEqual(await paths(layers[1]!), ['copied=1'])
    await world.build({ Dockerfile, own: '3' }, { contexts: { other } })
    assert.ok(world.steps().every(([, cached]) => cached))
    writeFileSync(join(other, 'no'), 'changed')
    await world.build({ Dockerfile, own: '3' }, { contexts: { other } })
    assert.ok(world.steps().every(([, cached]) => cached))
  })

  test('an image or a stage in the place of what the file names', async () => {
    await world.build({ Dockerfile: 'FROM scratch\nCOPY f /real\n', f: 'x' }, { tags: ['localhost/real'] })
    const files = { Dockerfile: 'FROM alpine AS base\nFROM base\nCOPY --from=tools /real /t\nFROM scratch AS unused\n' }
    const contexts = { alpine: 'docker-image://localhost/real', tools: 'docker-image://localhost/real' }
    const { layers } = await world.build(files, { contexts, target: '1' })
    assert.deepEqual(await Promise.all(layers.map(paths)), [['real=x'], ['t=x']])
    const swapped = await world.build(
      { Dockerfile: 'FROM scratch AS a\nCOPY f /a\nFROM scratch AS b\nCOPY f /b\nFROM base\n', f: '' },
      { contexts: { base: 'target:a' } },
    )
    assert.deepEqual(await Promise.all(swapped.layers.map(paths)), [['a']])
  })

  test('an image of an image layout', async () => {
    const made = await world.build({ Dockerfile: 'FROM scratch\nCOPY f /in-layout\n', f: 'x' })
    const directory = join(world.root, 'layout')
    const layout = await openLayout(directory, { codec: world.codec, create: true })
    await copy(world.store, layout, made.descriptor)
    await layout.tag('v1', made.descriptor)
    for (const suffix of [':v1', `@${made.digest}`]) {
      const { layers } = await world.build(
        { Dockerfile: 'FROM x\n' },
        { contexts: { x: `oci-layout://${directory}${suffix}` } },
      )
      assert.deepEqual(await paths(layers[0]!), ['in-layout=x'])
    }
    for (const address of [`oci-layout://${directory}:gone`, 'oci-layout:///no/such']) {
      await assert.rejects(world.build({ Dockerfile: 'FROM x\n' }, { contexts: { x: address } }), {
        code: 'BASE_UNKNOWN',
        line: 1,
      })
    }
  })
})

describe('several platforms', () => {
  test('make an index, of images that are built on this machine', async () => {
    const platforms = [
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ]
    const Dockerfile = 'FROM scratch\nARG TARGETARCH\nLABEL arch=$TARGETARCH\nCOPY f-$TARGETARCH /f\nCOPY same /same\n'
    const files = { Dockerfile, 'f-amd64': '1', 'f-arm64': '2', same: '3' }
    const result = await build(world.context(files), { platforms, annotations: { a: 'b' }, tags: ['localhost/multi'] })
    assert.equal(result.imageId, result.digest)
    const index = await openIndex(world.store, result.descriptor, { codec: world.codec })
    const { manifests, annotations } = await index.index()
    assert.deepEqual(annotations, { a: 'b' })
    assert.deepEqual(
      manifests.map(({ platform }) => platform?.architecture),
      ['amd64', 'arm64'],
    )
    const images = await Promise.all(
      platforms.map((platform) => openImage(world.store, result.descriptor, { codec: world.codec, platform })),
    )
    const configs = await Promise.all(images.map((image) => image.config()))
    assert.deepEqual(
      configs.map(({ architecture, config }) => [architecture, config?.Labels?.['arch']]),
      [
        ['amd64', 'amd64'],
        ['arm64', 'arm64'],
      ],
    )
    assert.equal(configs[0]!.rootfs.diff_ids[1], configs[1]!.rootfs.diff_ids[1])
    const ids = world.events.flatMap((event) => (event.kind === 'step-done' ? event.step.id : []))
    assert.equal(new Set(ids).size, ids.length)
  })

  test('what no emulator runs is refused before anything is made', async () => {
    const other = { os: 'linux', architecture: 's390x' }
    // Without root the first platform would be refused already: nothing runs.
    const own = { os: 'linux', architecture: world.ports.host.arch }
    const platforms = world.ports.host.privileges.mounts ? [own, other] : [other]
    const files = { Dockerfile: 'FROM scratch\nCOPY . /\nRUN ["/x"]\n', x: String(Math.random()) }
    await assert.rejects(build(world.context(files), { platforms }), { code: 'PLATFORM_UNSUPPORTED', line: 3 })
    assert.deepEqual(world.steps(), [])
  })
})

describe('checks', () => {
  test('are told while building, and end the build where the file says so', async () => {
    const files = { Dockerfile: '# check=error=true\nFROM scratch\nMAINTAINER x\n' }
    await assert.rejects(world.build(files), { code: 'CHECK_FAILED', line: 3 })
    await world.build({ Dockerfile: 'FROM scratch\nMAINTAINER x\nLABEL a=$b\n' })
    const rules = world.events.flatMap((event) => (event.kind === 'warning' ? event.rule : []))
    assert.deepEqual(rules, ['MaintainerDeprecated', 'UndefinedVar'])
  })
})
