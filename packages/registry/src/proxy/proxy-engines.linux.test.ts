import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startDockerRoot, type DockerRoot } from '@gantry/bench'
import { createCodec } from '@gantry/codec'
import { copy, MemoryStore } from '@gantry/image'
import { run } from '@gantry/process'
import { createRegistryClient } from '@gantry/registry-client'
import { file, imageOf } from '@gantry/testing'
import { ProxyWorld } from './fixtures/proxy-world.ts'
import type { TestCache, TestUpstream } from './fixtures/proxy-world.ts'

/** A root directory with Docker and containerd in it, as the benchmarks make one. */
const root = process.env['GANTRY_DOCKER_ROOT']
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : root === undefined
      ? 'GANTRY_DOCKER_ROOT names no root directory with Docker in it'
      : false

describe('engines pull through the cache', { skip }, () => {
  const world = new ProxyWorld()
  const codec = createCodec()
  let work = ''
  let docker: DockerRoot
  let upstream: TestUpstream
  let cache: TestCache
  let digest = ''

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'gantry-proxy-engines-'))
    upstream = await world.upstream()
    const store = new MemoryStore(codec)
    const layers = [[file('hello', 'hello through a cache\n')], [file('noise', randomBytes(3_000_000))]]
    const image = await imageOf(store, layers, { codec, compression: 'gzip' })
    const repository = createRegistryClient().repository({ registry: upstream.name, repository: 'library/hello' })
    await copy(store, repository, image.descriptor)
    await repository.tag('1', image.descriptor)
    digest = image.descriptor.digest
    cache = await world.cache([upstream], { disk: true, upstream: { staleWhileRevalidate: '0s' } })
    docker = await startDockerRoot({ root: root ?? '', work })
  })
  after(async () => {
    await docker[Symbol.asyncDispose]()
    await world[Symbol.asyncDispose]()
    await codec.close()
    await rm(work, { recursive: true, force: true })
  })

  const client = async (...args: readonly string[]): Promise<string> => {
    const [program = '', ...rest] = docker.enter
    return (await run(program, [...rest, ...args])).stdout.trim()
  }
  const ctr = (...args: readonly string[]): Promise<string> =>
    client('ctr', '--address', '/run/docker-bench/containerd/containerd.sock', '--namespace', 'cache', ...args)

  test('dockerd: each thing is fetched once, and comes from the cache when the upstream is gone', async () => {
    const name = `127.0.0.1:${cache.served.port}/hub/library/hello:1`
    const cli = ['docker', '--host', `unix://${docker.socket}`]
    upstream.asked.length = 0
    assert.match(await client(...cli, 'pull', name), new RegExp(`Digest: ${digest}`))
    assert.equal(upstream.count('GET', '/blobs/'), 3)
    await client(...cli, 'rmi', name)
    upstream.fault = () => ({ status: 503 })
    cache.now += 3_600_000
    assert.match(await client(...cli, 'pull', name), new RegExp(`Digest: ${digest}`))
    assert.equal(upstream.count('GET', '/blobs/'), 3)
    upstream.fault = undefined
  })

  test('dockerd: what it pushes is there whole, and comes back as it was', async () => {
    const cached = `127.0.0.1:${cache.served.port}/hub/library/hello:1`
    const own = `127.0.0.1:${cache.served.port}/team/hello:pushed`
    const cli = ['docker', '--host', `unix://${docker.socket}`]
    await client(...cli, 'pull', '--quiet', cached)
    await client(...cli, 'tag', cached, own)
    const pushed = /digest: (sha256:[0-9a-f]{64})/.exec(await client(...cli, 'push', own))?.[1]
    assert.ok(pushed !== undefined)
    assert.match(await client(...cli, 'push', own), /Layer already exists/)
    await client(...cli, 'rmi', own, cached)
    assert.match(await client(...cli, 'pull', own), new RegExp(`Digest: ${pushed}`))
    await client(...cli, 'rmi', own)
  })

  test('containerd: by the name of the upstream, with the cache as its mirror (?ns=)', async () => {
    const hosts = join(docker.shared, 'hosts')
    // As containerd names the directory of a host with a port.
    const directory = join(hosts, upstream.name.replace(':', '_').concat('_'))
    await mkdir(directory, { recursive: true })
    const mirror = `http://127.0.0.1:${cache.served.port}`
    const said = `server = "http://${upstream.name}"\n[host."${mirror}"]\n  capabilities = ["pull", "resolve"]\n`
    await writeFile(join(directory, 'hosts.toml'), said)
    const name = `${upstream.name}/library/hello:1`
    upstream.asked.length = 0
    await ctr('images', 'pull', '--hosts-dir', hosts, name)
    assert.ok((await ctr('images', 'ls', `name==${name}`)).includes(digest))
    // What the other test brought is there; nothing comes from the upstream itself.
    assert.equal(upstream.count('GET', '/blobs/'), 0)
    await ctr('images', 'rm', name)
  })
})
