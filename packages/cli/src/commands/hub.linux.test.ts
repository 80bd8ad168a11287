import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { copy, MemoryStore } from '@gantry/image'
import { createRegistryClient } from '@gantry/registry-client'
import { busyboxImage, busyboxMissing, testCodec } from '@gantry/testing'
import { authorityMissing, hubHosts, hubLike } from '@gantry/testing/hub'
import type { HubLike } from '@gantry/testing/hub'
import type { CliResult } from '../testing/scripted-daemon.ts'
import { gantry } from '../testing/scripted-daemon.ts'

const password = 'hunter2-of-me'
const encoded = Buffer.from(`me:${password}`).toString('base64')
const skip = authorityMissing() ?? busyboxMissing() ?? (process.getuid?.() === 0 ? false : 'unpacking needs root')

/** Every line of a JSON progress, read. */
const objectsIn = ({ stdout }: CliResult): Record<string, unknown>[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('the real command and Docker Hub', { skip }, () => {
  let hub: HubLike
  let root = ''
  const told: string[] = []
  const run = async (
    args: readonly string[],
    options: { input?: string; env?: Record<string, string> } = {},
  ): Promise<CliResult> => {
    const env = { ...hub.environment, GANTRY_ROOT: root, ...options.env }
    const result = await gantry(args, { env, ...(options.input === undefined ? {} : { input: options.input }) })
    told.push(result.stdout, result.stderr)
    return result
  }

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'gantry-hub-cli-'))
    hub = await hubLike({ users: { me: password }, hidden: ['me/private'], retryAfter: '3600' })
    const codec = testCodec()
    const store = new MemoryStore(codec)
    const image = await busyboxImage(store, codec)
    const inside = createRegistryClient({ fetch: hub.content.handle, credentials: async () => undefined })
    for (const repository of ['library/alpine', 'me/private']) {
      const there = inside.repository({ registry: 'inside.example', repository })
      await copy(store, there, image.descriptor)
      await there.tag('latest', image.descriptor)
    }
  })
  after(async () => {
    await hub[Symbol.asyncDispose]()
    rmSync(root, { recursive: true, force: true })
  })

  test('a plain name is pulled, and the end says what it came to', async () => {
    const { code, stdout, stderr } = await run(['pull', 'alpine'])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^Using default tag: latest\nlatest: Pulling from library\/alpine\n/)
    assert.match(stdout, /\nPulled [\d.]+[kM]B in [\d.]+m?s \([\d.]+[kM]B\/s\)\ndocker\.io\/library\/alpine:latest\n$/)
    assert.ok(hub.requests.every(({ authorization, host }) => authorization !== 'bearer' || host === hubHosts.registry))
  })

  test('what is here already is told, and nothing when it is to be quiet', async () => {
    const quiet = await run(['pull', '-q', 'alpine'])
    assert.deepEqual([quiet.code, quiet.stdout], [0, 'docker.io/library/alpine:latest\n'])
    const again = await run(['pull', 'alpine'])
    assert.match(again.stdout, /\nPulled 0B in [\d.]+m?s, [\d.]+[kM]B were here already\n/)
  })

  test('programs get an object a line', async () => {
    const result = await run(['pull', '--progress=json', 'alpine'])
    const objects = objectsIn(result)
    assert.ok(objects.every(({ kind }) => ['message', 'layer', 'summary'].includes(String(kind))))
    const { kind, verb, reference, transferred, reused } = objects.at(-1) ?? {}
    assert.deepEqual([kind, verb, reference, transferred], ['summary', 'pull', 'docker.io/library/alpine:latest', 0])
    assert.ok(Number(reused) > 1000)
  })

  test('what is hidden needs a login, which asks whether the password is right', async () => {
    const config = join(hub.environment['DOCKER_CONFIG'] ?? '', 'config.json')
    assert.equal((await run(['pull', 'me/private'])).code, 1)
    const wrong = await run(['login', '-u', 'me', '--password-stdin'], { input: 'not-that-one\n' })
    assert.equal(wrong.code, 1)
    assert.match(wrong.stderr, /Cannot log in to docker\.io: the token service auth\.docker\.io answered 401/)
    assert.equal(existsSync(config), false)

    const right = await run(['login', '-u', 'me', '--password-stdin'], { input: `${password}\n` })
    assert.deepEqual([right.code, right.stdout], [0, 'Login Succeeded\n'])
    assert.match(right.stderr, /^WARNING! The password is kept unencrypted in /)
    assert.equal(statSync(config).mode & 0o777, 0o600)
    assert.ok(readFileSync(config, 'utf8').includes(encoded))
    const pulled = await run(['pull', 'me/private'])
    assert.equal(pulled.code, 0, pulled.stderr)

    assert.equal((await run(['tag', 'alpine', 'me/app:1'])).code, 0)
    const pushed = await run(['push', 'me/app:1'])
    assert.equal(pushed.code, 0, pushed.stderr)
    assert.match(pushed.stdout, /\nPushed [\d.]+[kM]B in /)
    const again = objectsIn(await run(['push', '--progress=json', 'me/app:1'])).at(-1) ?? {}
    assert.deepEqual([again['kind'], again['verb'], again['transferred']], ['summary', 'push', 0])

    assert.match((await run(['logout'])).stdout, /^Removing login credentials for docker\.io\n$/)
    assert.match((await run(['logout'])).stdout, /^Not logged in to docker\.io\n$/)
    assert.doesNotMatch(readFileSync(config, 'utf8'), new RegExp(encoded))
  })

  test('credentials in the environment are for the registry that is named there', async () => {
    const env = { GANTRY_REGISTRY_USER: 'me', GANTRY_REGISTRY_PASSWORD: password }
    assert.equal((await run(['pull', '-q', 'me/private'], { env })).code, 0)
    assert.equal(
      (await run(['pull', '-q', 'me/private'], { env: { ...env, GANTRY_REGISTRY: 'other.example' } })).code,
      1,
    )
    const text = JSON.stringify({ auths: { 'https://index.docker.io/v1/': { auth: encoded } } })
    assert.equal((await run(['pull', '-q', 'me/private'], { env: { DOCKER_AUTH_CONFIG: text } })).code, 0)
  })

  test('a mirror that is not there is passed over, and told', async () => {
    const file = join(root, 'registries.json')
    writeFileSync(file, JSON.stringify({ registries: { 'docker.io': { mirrors: ['127.0.0.1:1'] } } }))
    const { code, stdout } = await run(['pull', 'alpine'], { env: { GANTRY_REGISTRIES: file } })
    assert.equal(code, 0)
    assert.match(stdout, /\nThe mirror 127\.0\.0\.1:1 of docker\.io could not help: nothing listens at /)
    writeFileSync(file, '{"registries": {"docker.io": {"mirror": []}}}')
    const broken = await run(['pull', 'alpine'], { env: { GANTRY_REGISTRIES: file } })
    assert.equal(broken.code, 1)
    assert.match(broken.stderr, /registries\.json": registries\["docker\.io"\] has an unknown key "mirror"/)
  })

  test('a limit that is reached is told, with the time when it ends', async () => {
    const fresh = mkdtempSync(join(tmpdir(), 'gantry-hub-cli-'))
    try {
      hub.remaining = 5
      const few = await run(['pull', 'alpine'], { env: { GANTRY_ROOT: fresh } })
      assert.match(few.stdout, /\ndocker\.io lets \d more of 100 pulls through in 6 h\n/)
      hub.remaining = 0
      const none = await run(['pull', 'alpine'], { env: { GANTRY_ROOT: join(fresh, 'other') } })
      assert.equal(none.code, 1)
      assert.match(none.stderr, /429 TOOMANYREQUESTS \(You have reached your pull rate limit\.; try again in 3600 s\)/)
    } finally {
      hub.remaining = 100
      rmSync(fresh, { recursive: true, force: true })
    }
  })

  test('names under localhost are nobody else’s', async () => {
    const before = hub.requests.length
    for (const verb of ['pull', 'push']) {
      if (verb === 'push') await run(['tag', 'alpine', 'localhost/x'])
      const { code, stderr } = await run([verb, 'localhost/x'])
      assert.equal(code, 1)
      assert.match(stderr, /names under localhost\/ are of this machine/i)
    }
    assert.equal(hub.requests.length, before)
  })

  test('the password was in nothing that was told, also for debugging', async () => {
    const env = {
      GANTRY_REGISTRY_USER: 'me',
      GANTRY_REGISTRY_PASSWORD: password,
      HTTPS_PROXY: hub.proxy.replace('//', '//u:hunter2-proxy@'),
    }
    await run(['--debug', 'pull', 'me/nothing'], { env })
    await run(['--debug', 'push', 'other/app'], { env })
    await run(['--debug', 'pull', 'me/private'], { env: { ...env, HTTPS_PROXY: 'http://u:hunter2-proxy@127.0.0.1:1' } })
    assert.ok(told.length > 20)
    for (const text of told) assert.doesNotMatch(text, new RegExp(`hunter2|${encoded}`))
  })
})
