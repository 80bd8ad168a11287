import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createCodec } from '@gantry/codec'
import { readerOf } from '@gantry/image'
import { digestHex, MediaType, parseDigest } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { createRegistry, diskStorage, registryMigrations, serveRegistry } from '@gantry/registry'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import type { Store } from '@gantry/store'
import { toolsMissing } from '@gantry/testing'
import { rangeServer } from './fixtures/range-server.ts'
import { slowGate } from './fixtures/slow-gate.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const codec = stack.use(createCodec())
const program = fileURLToPath(import.meta.resolve('@gantry/testing/transfer-child'))
const bytes = randomBytes(6 * 1024 * 1024)

function describeAs(algorithm: 'sha256' | 'sha512'): Descriptor {
  const digest = parseDigest(`${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`)
  return { mediaType: MediaType.layerTar, digest, size: bytes.length }
}
const blob = describeAs('sha256')

function freshRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'gantry-resume-'))
  stack.defer(() => rmSync(root, { recursive: true, force: true }))
  return root
}

function start(verb: 'pull' | 'push', root: string, registry: string, descriptor = blob): ChildProcess {
  const args = [...process.execArgv.filter((each) => !each.startsWith('--test')), program, verb, root, registry]
  return spawn(process.execPath, [...args, descriptor.digest, String(descriptor.size)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

function ended(child: ChildProcess): Promise<number | string | null> {
  return new Promise((resolve) => void child.once('close', (code, signal) => resolve(signal ?? code)))
}

async function until(isSo: () => boolean, child: ChildProcess): Promise<void> {
  while (!isSo() && child.exitCode === null && child.signalCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

async function storeAt(root: string): Promise<Store> {
  const state = stack.use(openState(join(root, 'state.db'), [storeMigrations, ...registryMigrations]))
  return stack.use(await openStore({ root: join(root, 'content'), state, codec }))
}

test('a large blob moves in constant memory, both ways', { timeout: 300_000 }, async () => {
  const large = Buffer.alloc(384 * 1024 * 1024, bytes)
  const digest = parseDigest(`sha256:${createHash('sha256').update(large).digest('hex')}`)
  const descriptor = { mediaType: MediaType.layerTar, digest, size: large.length }
  const server = stack.use(await rangeServer(large, () => ({}), 1024 * 1024))
  const root = freshRoot()
  const there = freshRoot()
  const state = stack.use(openState(join(there, 'state.db'), [storeMigrations, ...registryMigrations]))
  const store = await storeAt(there)
  const registry = stack.use(createRegistry({ storage: stack.use(diskStorage(store)), state }))
  const served = await serveRegistry({ registry, port: 0 })
  stack.defer(() => served.close({ timeout: 100 }))
  for (const [verb, place] of [
    ['pull', server.registry],
    ['push', `127.0.0.1:${served.port}`],
  ] as const) {
    const child = start(verb, root, place, descriptor)
    let printed = ''
    child.stdout?.on('data', (text: Buffer) => (printed += text.toString()))
    assert.equal(await ended(child), 0)
    // Of which a third is Node's own, and another what its collector leaves lying about for a while.
    assert.ok(Number(printed) > 0 && Number(printed) < 300_000_000, `${printed.trim()} bytes for a ${verb}`)
  }
  assert.equal(store.size(digest), large.length)
})

describe('a pull', () => {
  test('that is killed again and again goes on where it was', { timeout: 300_000 }, async () => {
    const server = stack.use(await rangeServer(bytes, () => ({ pause: 10 })))
    const root = freshRoot()
    let kills = 0
    // At points that nobody chose: after so many bytes more, and then wherever the process is.
    for (const share of [0.2, 0.05, 0.3, 0.15]) {
      const child = start('pull', root, server.registry)
      const done = ended(child)
      const goal = server.sent + bytes.length * share * (0.5 + Math.random())
      await until(() => server.sent >= goal, child)
      child.kill('SIGKILL')
      if ((await done) === 'SIGKILL') kills += 1
    }
    assert.ok(kills >= 3, `${kills} kills`)
    const before = server.sent
    assert.equal(await ended(start('pull', root, server.registry)), 0)
    assert.deepEqual(readFileSync(join(root, 'content', 'blobs', 'sha256', digestHex(blob.digest))), bytes)
    assert.deepEqual(readdirSync(join(root, 'content', 'ingest')), [])
    const last = server.sent - before
    assert.ok(last < bytes.length, `${last} of ${bytes.length} bytes were transferred again`)
    // What is lost with a process is what its connections had not yet handed to the kernel as a whole: under a segment each.
    const lost = 4 * 512 * 1024 * kills
    assert.ok(server.sent <= bytes.length + lost, `${server.sent} bytes for ${bytes.length} and ${kills} kills`)
  })

  test('by two processes at once moves the bytes once', { timeout: 30_000 }, async () => {
    const server = stack.use(await rangeServer(bytes, () => ({ pause: 3 })))
    const root = freshRoot()
    const both = [start('pull', root, server.registry), start('pull', root, server.registry)]
    assert.deepEqual(await Promise.all(both.map(ended)), [0, 0])
    assert.equal(server.sent, bytes.length)
    assert.deepEqual(readdirSync(join(root, 'content', 'ingest')), [])
  })

  test('goes on with what another process left when that one dies', { timeout: 30_000 }, async () => {
    const server = stack.use(await rangeServer(bytes, () => ({ pause: 5 })))
    const root = freshRoot()
    const first = start('pull', root, server.registry)
    await until(() => server.sent > bytes.length / 3, first)
    const second = start('pull', root, server.registry)
    await new Promise((resolve) => setTimeout(resolve, 300))
    first.kill('SIGKILL')
    assert.equal(await ended(second), 0)
    assert.ok(server.sent < bytes.length * 1.8, `${server.sent} bytes for ${bytes.length}`)
    assert.deepEqual(readFileSync(join(root, 'content', 'blobs', 'sha256', digestHex(blob.digest))), bytes)
  })
})

async function killedPushes(upstream: number, descriptor: Descriptor): Promise<{ received: number; kills: number }> {
  const gate = stack.use(await slowGate(upstream, 2))
  const root = freshRoot()
  const store = await storeAt(root)
  await store.put(descriptor, readerOf(bytes))
  let kills = 0
  for (const share of [0.4, 0.3]) {
    const child = start('push', root, gate.registry, descriptor)
    const done = ended(child)
    const goal = gate.received + bytes.length * share
    await until(() => gate.received >= goal, child)
    child.kill('SIGKILL')
    if ((await done) === 'SIGKILL') kills += 1
  }
  assert.ok(readdirSync(join(root, 'uploads')).some((name) => name.endsWith('.json')))
  assert.equal(await ended(start('push', root, gate.registry, descriptor)), 0)
  assert.deepEqual(readdirSync(join(root, 'uploads')), [])
  return { received: gate.received, kills }
}

describe('a push that is killed', () => {
  for (const algorithm of ['sha256', 'sha512'] as const) {
    test(`goes on where the registry is (${algorithm})`, { timeout: 60_000 }, async () => {
      const root = freshRoot()
      const store = await storeAt(root)
      const state = stack.use(openState(join(root, 'state.db'), [storeMigrations, ...registryMigrations]))
      const registry = stack.use(createRegistry({ storage: stack.use(diskStorage(store)), state }))
      const served = await serveRegistry({ registry, port: 0 })
      stack.defer(() => served.close({ timeout: 100 }))
      const descriptor = describeAs(algorithm)
      const { received, kills } = await killedPushes(served.port, descriptor)
      assert.equal(kills, 2)
      assert.equal(store.size(descriptor.digest), bytes.length)
      assert.ok(received < bytes.length * 1.9, `${received} bytes for ${bytes.length}`)
    })
  }

  test(
    "goes on where Debian's docker-registry is",
    { timeout: 60_000, skip: toolsMissing('docker-registry') ?? false },
    async () => {
      const peer = stack.use(await dockerRegistry(freshRoot()))
      const { received } = await killedPushes(peer.port, blob)
      assert.ok(received < bytes.length * 1.9, `${received} bytes for ${bytes.length}`)
      const answer = await fetch(`http://127.0.0.1:${peer.port}/v2/app/blobs/${blob.digest}`)
      assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes))
    },
  )
})

async function dockerRegistry(root: string): Promise<AsyncDisposable & { port: number }> {
  const { writeFileSync } = await import('node:fs')
  const { createServer } = await import('node:net')
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await new Promise((resolve) => probe.close(resolve))
  const config = join(root, 'registry.yml')
  const storage = `storage: { filesystem: { rootdirectory: ${join(root, 'peer')} } }`
  writeFileSync(config, `version: 0.1\nlog: { level: error }\n${storage}\nhttp: { addr: "127.0.0.1:${port}" }\n`)
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' })
  for (let i = 0; i < 100 && existsSync('/proc'); i++) {
    const isReady = await fetch(`http://127.0.0.1:${port}/v2/`).then(
      () => true,
      () => false,
    )
    if (isReady) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      const done = ended(child)
      child.kill()
      await done
    },
  }
}
