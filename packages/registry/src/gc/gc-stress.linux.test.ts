import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { readDocument, verified } from '@gantry/image'
import { encodeJson, MediaType, parseManifest } from '@gantry/oci'
import type { Descriptor, Digest } from '@gantry/oci'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import { bytesOf, temporaryDirectory } from '@gantry/testing'
import { createRegistry, diskStorage, registryMigrations, serveRegistry } from '../index.ts'
import { collectRegistryGarbage } from './collect-registry-garbage.ts'

const clients = 4
const rounds = 20
/** How long what was pushed waits for its manifest: longer than a push takes on a busy machine. In milliseconds. */
const pending = 6000
/** Layers that all clients draw from, so that what one deletes another is just about to push. */
const layers = Array.from({ length: 12 }, (_, seed) => bytesOf(seed, 20_000))

/** A process that does nothing but collect, until its input ends; it prints how many blobs it removed. */
const collector = (directory: string): string => `
  import { createCodec } from '@gantry/codec'
  import { openState } from '@gantry/state'
  import { openStore, storeMigrations } from '@gantry/store'
  import { registryMigrations } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)}
  import { collectRegistryGarbage } from ${JSON.stringify(new URL('collect-registry-garbage.ts', import.meta.url).href)}
  await using codec = createCodec()
  using state = openState(${JSON.stringify(join(directory, 'state.db'))}, [storeMigrations, ...registryMigrations])
  await using store = await openStore({ root: ${JSON.stringify(join(directory, 'content'))}, state, codec })
  let ended = false
  process.stdin.resume().once('end', () => (ended = true))
  let blobs = 0
  while (!ended) blobs += (await collectRegistryGarbage({ state, store }, { grace: 0, pending: ${pending} })).blobs
  console.log(blobs)`

interface Client {
  push(tag: string, chosen: readonly Uint8Array[], seed: string): Promise<Digest>
  pull(reference: string): Promise<'whole' | 'gone'>
  remove(digest: Digest): Promise<void>
}

function clientOf(address: string, repository: string): Client {
  const at = (path: string): string => `${address}/v2/${repository}/${path}`
  const pushBlob = async (bytes: Uint8Array, mediaType: string): Promise<Descriptor> => {
    const digest = digestOf(bytes)
    const head = await fetch(at(`blobs/${digest}`), { method: 'HEAD' })
    if (head.status === 404) {
      const mounted = await fetch(at(`blobs/uploads/?mount=${digest}`), { method: 'POST' })
      if (mounted.status === 202) {
        const location = address + (mounted.headers.get('location') ?? '')
        const put = await fetch(`${location}?digest=${digest}`, { method: 'PUT', body: Uint8Array.from(bytes) })
        assert.equal(put.status, 201, await put.text())
      } else assert.equal(mounted.status, 201, await mounted.text())
    } else assert.equal(head.status, 200)
    return { mediaType, digest, size: bytes.length }
  }
  return {
    async push(tag, chosen, seed) {
      const config = await pushBlob(encodeJson({ architecture: 'amd64', os: 'linux', seed }), MediaType.imageConfig)
      const pushed: Descriptor[] = []
      for (const bytes of chosen) pushed.push(await pushBlob(bytes, MediaType.layerTar))
      const document = { schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers: pushed }
      const headers = { 'Content-Type': MediaType.imageManifest }
      const body = Uint8Array.from(encodeJson(document))
      const put = await fetch(at(`manifests/${tag}`), { method: 'PUT', body, headers })
      assert.equal(put.status, 201, await put.text())
      return digestOf(body)
    },
    async pull(reference) {
      const response = await fetch(at(`manifests/${reference}`))
      const bytes = new Uint8Array(await response.arrayBuffer())
      if (response.status === 404) return 'gone'
      assert.equal(response.status, 200)
      const { config, layers: found } = parseManifest(bytes)
      for (const { digest } of [config, ...found]) {
        const blob = await fetch(at(`blobs/${digest}`))
        const content = new Uint8Array(await blob.arrayBuffer())
        if (blob.status === 404) return 'gone'
        assert.equal(blob.status, 200)
        assert.equal(digestOf(content), digest)
      }
      return 'whole'
    },
    async remove(digest) {
      const response = await fetch(at(`manifests/${digest}`), { method: 'DELETE' })
      assert.ok(response.status === 202 || response.status === 404, String(response.status))
    },
  }
}

test('clients push, pull and delete while two processes collect without a grace: no push fails, nothing is left', async () => {
  await using directory = await temporaryDirectory()
  await using codec = createCodec()
  using state = openState(join(directory.path, 'state.db'), [storeMigrations, ...registryMigrations])
  await using store = await openStore({ root: join(directory.path, 'content'), state, codec })
  const errors: unknown[] = []
  // Leases that end soon: with those of half an hour nothing would be collected in the time of this test. Longer than one
  // request takes while another process has the lock of the database, though.
  await using serving = new AsyncDisposableStack()
  const storage = serving.use(diskStorage(store, { span: 2500 }))
  const registry = serving.use(createRegistry({ storage, state, onError: (error) => errors.push(error) }))
  const served = await serveRegistry({ registry, port: 0, onError: (error) => errors.push(error) })
  serving.defer(() => served.close({ timeout: 1000 }))

  const other = spawn(process.execPath, ['--input-type=module', '-e', collector(directory.path)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: import.meta.dirname,
  })
  const printed = once(other.stdout, 'data')
  const exited = once(other, 'exit')
  let isDone = false
  let collected = 0
  const collecting = (async () => {
    while (!isDone) collected += (await collectRegistryGarbage({ state, store }, { grace: 0, pending })).blobs
  })()

  const outcomes: ('whole' | 'gone')[] = []
  const kept: { readonly client: Client; readonly digest: Digest }[] = []
  const end = Date.now() + pending + 4000
  const work = async (number: number): Promise<void> => {
    // Two clients share a repository.
    const client = clientOf(served.address, `team/app-${number % 2}`)
    // So long that configs and layers which were pushed and deleted first have waited enough, and go beside all this.
    for (let round = 0; round < rounds || Date.now() < end; round++) {
      const chosen = [0, 1, 2].map((n) => layers[(number * 5 + round * 7 + n * 3) % layers.length] ?? bytesOf(1, 1))
      const digest = await client.push(`c${number}-${round}`, chosen, `${number} ${round}`)
      outcomes.push(await client.pull(digest))
      if (round % 8 === 0) kept.push({ client, digest })
      else await client.remove(digest)
      const [some] = kept
      if (some !== undefined) assert.equal(await some.client.pull(some.digest), 'whole')
    }
  }
  try {
    await Promise.all(Array.from({ length: clients }, (_, number) => work(number)))
  } finally {
    isDone = true
    other.stdin.end()
    await collecting
    await exited
  }
  assert.deepEqual(await exited, [0, null])
  const [text] = (await printed) as [Buffer]
  assert.ok(
    outcomes.every((outcome) => outcome === 'whole'),
    'what was pushed is whole when its client reads it',
  )
  for (const { client, digest } of kept) assert.equal(await client.pull(digest), 'whole')
  assert.ok(collected + Number(text) > 0, 'blobs were collected while clients were at work')
  assert.deepEqual(errors, [])

  await serving.disposeAsync()
  await new Promise((resolve) => setTimeout(resolve, 10))
  await collectRegistryGarbage({ state, store }, { grace: 0, pending: 0, uploads: 0 })
  const needed = new Set<Digest>()
  for (const { digest } of kept) for (const one of await store.reachable(digest)) needed.add(one)
  const left: Digest[] = []
  for await (const { digest, size } of store.blobs()) {
    left.push(digest)
    const reader = await store.open({ mediaType: 'application/octet-stream', digest, size }, { verify: false })
    for await (const _ of verified(reader, { mediaType: '', digest, size }, codec)) void _
  }
  assert.deepEqual(
    left.toSorted(),
    [...needed].toSorted(),
    'nothing unreachable is left, and nothing reachable is gone',
  )
  for (const { digest } of kept) {
    const found = await store.resolve(digest)
    assert.ok(found !== undefined)
    const { config, layers: all } = parseManifest(await readDocument(store, found))
    for (const child of [config, ...all]) assert.equal(store.size(child.digest), child.size)
  }
  assert.deepEqual(store.staged(), [])
})
