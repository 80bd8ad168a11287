import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { createCodec, digestOf } from '@gantry/codec'
import { copy, MemoryStore } from '@gantry/image'
import { createRegistryClient } from '@gantry/registry-client'
import { file, imageOf, toolsMissing } from '@gantry/testing'
import { ProxyWorld } from './fixtures/proxy-world.ts'
import type { TestCache, TestUpstream } from './fixtures/proxy-world.ts'

const run = promisify(execFile)
const world = new ProxyWorld()
const codec = createCodec()
let directory = ''
let upstream: TestUpstream
let digest = ''

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-proxy-clients-'))
  upstream = await world.upstream()
  const store = new MemoryStore(codec)
  const layers = [[file('hello', 'hello through a cache\n')], [file('noise', randomBytes(3_000_000))]]
  const image = await imageOf(store, layers, { codec, compression: 'gzip' })
  const repository = createRegistryClient().repository({ registry: upstream.name, repository: 'library/hello' })
  await copy(store, repository, image.descriptor)
  await repository.tag('1', image.descriptor)
  digest = image.descriptor.digest
})
after(async () => {
  await world[Symbol.asyncDispose]()
  await codec.close()
  await rm(directory, { recursive: true, force: true })
})

const skip = (name: string): string | false => toolsMissing(name) ?? false

/** A cache that only this test uses; requests of the upstream are counted from here on. */
async function freshCache(): Promise<TestCache> {
  upstream.asked.length = 0
  upstream.fault = undefined
  return world.cache([upstream], { disk: true, upstream: { staleWhileRevalidate: '0s' } })
}

/** Runs a client with a home of its own. */
async function client(home: string, command: string, ...args: string[]): Promise<string> {
  const path = join(directory, home)
  await mkdir(path, { recursive: true })
  await writeFile(join(path, 'auth.json'), '{}')
  const environment = {
    PATH: process.env['PATH'],
    HOME: path,
    TMPDIR: path,
    XDG_RUNTIME_DIR: path,
    REGISTRY_AUTH_FILE: join(path, 'auth.json'),
    CONTAINERS_REGISTRIES_CONF: join(directory, 'registries.conf'),
  }
  return (await run(command, args, { env: environment, timeout: 120_000 })).stdout
}

describe('clients pull through the cache', () => {
  test(
    'skopeo, several at once: each thing is fetched once, and again when the upstream is gone',
    { skip: skip('skopeo') },
    async () => {
      const cache = await freshCache()
      const from = `docker://127.0.0.1:${cache.served.port}/hub/library/hello:1`
      const pull = (name: string): Promise<string> =>
        client(
          'skopeo',
          'skopeo',
          'copy',
          '--src-tls-verify=false',
          '--preserve-digests',
          from,
          `oci:${join(directory, name)}:1`,
        )
      await Promise.all(['one', 'two', 'three'].map(pull))
      assert.equal(upstream.count('GET', '/blobs/'), 3)
      assert.equal(upstream.count('GET', '/manifests/'), 1)
      upstream.fault = () => ({ status: 503 })
      cache.now += 3_600_000
      await pull('four')
      const raw = await client('skopeo', 'skopeo', 'inspect', '--raw', `oci:${join(directory, 'four')}:1`)
      assert.equal(digestOf(Buffer.from(raw)), digest)
    },
  )

  test('podman, with the cache as a mirror', { skip: skip('podman') }, async () => {
    const cache = await freshCache()
    const mirror = `location = "127.0.0.1:${cache.served.port}/hub"\ninsecure = true\n`
    await writeFile(
      join(directory, 'registries.conf'),
      `[[registry]]\nlocation = "hub.example.invalid"\n[[registry.mirror]]\n${mirror}`,
    )
    const storage = ['--root', join(directory, 'root'), '--runroot', join(directory, 'run'), '--storage-driver', 'vfs']
    const podman = (...args: string[]): Promise<string> => client('podman', 'podman', ...storage, ...args)
    await podman('pull', '--quiet', 'hub.example.invalid/library/hello:1')
    const shown = await podman('image', 'inspect', '--format', '{{.Digest}}', 'hub.example.invalid/library/hello:1')
    assert.equal(shown.trim(), digest)
    assert.equal(upstream.count('GET', '/blobs/'), 3)
    await podman('rmi', 'hub.example.invalid/library/hello:1')
    upstream.fault = () => ({ status: 500 })
    await podman('pull', '--quiet', 'hub.example.invalid/library/hello:1')
    assert.equal(upstream.count('GET', '/blobs/'), 3)
  })
})
