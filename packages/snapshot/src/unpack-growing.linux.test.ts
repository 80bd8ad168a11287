import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { MemoryStore, type GrowingFile, type Image } from '@gantry/image'
import { createLedger, ledgerMigrations, type Ledger, readHost } from '@gantry/linux'
import { openState, type State } from '@gantry/state'
import { bytesOf, file, imageOf, testCodec } from '@gantry/testing'
import { createSnapshots, snapshotMigrations, type Snapshots, type UnpackOptions } from './index.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root, for owners'

/** A layer's blob that arrives when the test says so. */
class Arriving implements GrowingFile {
  readonly path: string
  readonly whole: string
  readonly image: Image
  readonly ready: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #bytes: Buffer
  readonly #listeners = new Set<(bytes: number | undefined) => void>()
  #grown: number | undefined = 0

  private constructor(directory: string, image: Image, bytes: Buffer) {
    this.path = join(directory, 'partial')
    this.whole = join(directory, 'whole')
    this.#bytes = bytes
    writeFileSync(this.path, '')
    this.image = Object.assign({}, image, { source: Object.assign({}, image.source, { path: () => this.whole }) })
    this.ready.promise.catch(() => undefined)
  }

  static async of(directory: string, image: Image): Promise<Arriving> {
    const [layer] = await image.layers()
    assert.ok(layer !== undefined)
    const chunks: Uint8Array[] = []
    for await (const chunk of await layer.open()) chunks.push(chunk)
    return new Arriving(mkdtempSync(join(directory, 'arriving-')), image, Buffer.concat(chunks))
  }

  get options(): UnpackOptions {
    return { ready: () => this.ready.promise, arriving: () => Promise.resolve(this) }
  }

  get size(): number {
    return this.#bytes.length
  }

  follow(listener: (bytes: number | undefined) => void): () => void {
    listener(this.#grown)
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  grow(to: number, bytes: Uint8Array = this.#bytes.subarray(this.#grown ?? 0, to)): void {
    appendFileSync(this.path, bytes)
    this.#tell(to)
  }

  /** What came was wrong; the right bytes are there at once. */
  replace(): void {
    this.#tell(undefined)
    writeFileSync(this.path, this.#bytes)
  }

  finish(): void {
    renameSync(this.path, this.whole)
    this.ready.resolve()
  }

  #tell(bytes: number | undefined): void {
    this.#grown = bytes
    for (const listener of this.#listeners) listener(bytes)
  }
}

describe('unpacking a layer that is on its way', { skip }, () => {
  const codec = testCodec()
  let root: string
  let state: State
  let ledger: Ledger
  let snapshots: Snapshots

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'gantry-growing-'))
    state = openState(join(root, 'state.db'), [ledgerMigrations, snapshotMigrations])
    ledger = createLedger({ state })
    mkdirSync(join(root, 'snapshots'), { mode: 0o700 })
    snapshots = createSnapshots({ site: { root }, state, ledger, host: await readHost() })
  })
  after(async () => {
    await snapshots.close()
    state[Symbol.dispose]()
    rmSync(root, { recursive: true, force: true })
  })

  const arriving = async (seed: number, compression: 'none' | 'gzip' = 'gzip'): Promise<Arriving> => {
    const first = Buffer.from(bytesOf(seed, 2_000_000))
    const second = Buffer.from(bytesOf(seed + 1, 2_000_000))
    const store = new MemoryStore(codec)
    const made = await imageOf(store, [[file('first', first), file('second', second)]], { codec, compression })
    return Arriving.of(root, made)
  }
  const names = (): string[] => readdirSync(join(root, 'snapshots'), { recursive: true, encoding: 'utf8' })
  const fileThere = async (name: string): Promise<void> => {
    while (!names().some((path) => path.endsWith(name))) await wait(5)
  }

  for (const compression of ['none', 'gzip'] as const) {
    test(`begins before it is there, and counts when its blob does (${compression})`, async () => {
      const blob = await arriving(compression === 'none' ? 10 : 20, compression)
      const known = names()
      const told: string[] = []
      const options = { ...blob.options, onProgress: ({ state: at }: { state: string }) => void told.push(at) }
      const unpacking = snapshots.unpack(blob.image, options)
      blob.grow(Math.floor(blob.size * 0.75))
      await fileThere('second')
      assert.deepEqual(told, [])
      const chains = snapshots.list().layers.length
      blob.grow(blob.size)
      assert.equal(snapshots.list().layers.length, chains)
      blob.finish()
      assert.ok((await unpacking) !== undefined)
      assert.equal(snapshots.list().layers.length, chains + 1)
      assert.equal(names().length, known.length + 4)
      assert.equal(told.at(-1), 'done')
      await snapshots.gc({ grace: 0 })
    })
  }

  test('begins again when what came was wrong', async () => {
    const blob = await arriving(30)
    const unpacking = snapshots.unpack(blob.image, blob.options)
    blob.grow(100_000, Buffer.alloc(100_000, 'wrong'))
    blob.replace()
    blob.finish()
    const chain = await unpacking
    assert.ok(chain !== undefined)
    const [path] = names().filter((name) => name.endsWith('second'))
    assert.deepEqual(readFileSync(join(root, 'snapshots', path ?? '')), Buffer.from(bytesOf(31, 2_000_000)))
    await snapshots.gc({ grace: 0 })
  })

  test('leaves nothing when the rest never comes', async () => {
    const blob = await arriving(40)
    const before = names()
    const stop = new AbortController()
    const unpacking = snapshots.unpack(blob.image, { ...blob.options, signal: stop.signal })
    blob.grow(Math.floor(blob.size / 2))
    await fileThere('first')
    stop.abort(new Error('it broke off'))
    blob.ready.reject(stop.signal.reason)
    await assert.rejects(unpacking, /it broke off/)
    assert.deepEqual(names(), before)
    // The thread that waited for it works on.
    const next = await arriving(50)
    next.grow(next.size)
    next.finish()
    assert.ok((await snapshots.unpack(next.image, next.options)) !== undefined)
  })
})
