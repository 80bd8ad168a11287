import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCodec, type NodeCodec } from '@gantry/codec'
import { copy, openImage, randomImage, validateContent } from '@gantry/image'
import type { Descriptor, Digest } from '@gantry/oci'
import { openContentWorld, type ContentWorld } from '@gantry/daemon'
import { siteOf } from '@gantry/linux'

/** `GANTRY_TEST_KILLS=1000` for the whole of it; `GANTRY_BUNDLE=1` kills what has been built. */
const kills = Number(process.env['GANTRY_TEST_KILLS'] ?? 5)
const workers = 3
const attempts = 60
const bundle = new URL('../../../../dist/cli.cjs', import.meta.url).pathname
const isBundled = (process.env['GANTRY_BUNDLE'] ?? '') !== ''
const main = isBundled ? bundle : new URL('../main.ts', import.meta.url).pathname
const skip =
  process.getuid?.() !== 0 ? 'needs root: layers are unpacked' : isBundled && !existsSync(bundle) ? 'not built' : false

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly complaint: string
}

function gantry(root: string, args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--', main, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: root,
      LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      GANTRY_ROOT: root,
    },
  })
  let complaint = ''
  child.stderr.on('data', (text: Buffer) => (complaint = (complaint + text.toString()).slice(-2000)))
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, complaint }))
  })
  return { child, ended }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** `gantry registry serve`, which is killed now and then and started again at the same address. */
class KilledServer {
  readonly address: string
  killed = 0
  readonly #root: string
  #now: ReturnType<typeof gantry> | undefined

  constructor(root: string, port: number) {
    this.#root = root
    this.address = `127.0.0.1:${port}`
  }

  async start(): Promise<void> {
    const running = gantry(this.#root, ['registry', 'serve', '--addr', this.address, '--log-level', 'error'])
    this.#now = running
    for (let tries = 0; tries < 600 && running.child.exitCode === null; tries++) {
      const answer = await fetch(`http://${this.address}/v2/`).catch(() => undefined)
      if (answer?.ok === true) return
      await sleep(25)
    }
    throw new Error(`the registry does not start: ${(await this.stop())?.complaint ?? ''}`)
  }

  async kill(): Promise<void> {
    await this.stop()
    this.killed += 1
    await this.start()
  }

  async stop(): Promise<Ended | undefined> {
    this.#now?.child.kill('SIGKILL')
    return this.#now?.ended
  }
}

interface Doing {
  readonly verb: 'push' | 'pull'
  readonly name: string
  readonly count: () => void
  /** Whether enough has been killed: then it may come to its end. */
  readonly isEnough: () => boolean
}

/** Tries a transfer until one try comes to its end, and says so; most are killed somewhere on their way. */
async function untilDone(root: string, { verb, name, count, isEnough }: Doing): Promise<void> {
  let last = ''
  for (let tries = 0; tries < attempts; tries++) {
    const { child, ended } = gantry(root, [verb, '--quiet', name])
    const timer =
      isEnough() || tries > 8 || randomInt(4) === 0
        ? undefined
        : setTimeout(() => child.kill('SIGKILL'), randomInt(50, 50 + 300 * 2 ** randomInt(5)))
    const { code, signal, complaint } = await ended
    clearTimeout(timer)
    if (code === 0) return
    if (signal === 'SIGKILL') count()
    else last = complaint
    assert.ok(signal === 'SIGKILL' || /Cannot (?:push|pull)/.test(complaint), `${verb} of ${name}: ${complaint}`)
  }
  assert.fail(`${verb} of ${name} was never done: ${last}`)
}

async function withWorld<T>(root: string, work: (world: ContentWorld) => Promise<T>): Promise<T> {
  await using world = await openContentWorld(siteOf({}, { root }))
  return await work(world)
}

/** An image that nobody has, named in the root. */
async function putImage(root: string, codec: NodeCodec, seed: number, name: string): Promise<Descriptor> {
  // Some layers come as a whole, others in parts.
  const layerBytes = randomInt(3) === 0 ? randomInt(4_200_000, 6_000_000) : randomInt(1, 300_000)
  // Compressed: a push would compress the others, and they would not be the same.
  const image = await randomImage({ codec, seed, layers: 3, layerBytes, compression: 'gzip' })
  await withWorld(root, async ({ store }) => {
    await using _ = store.lease('new')
    await copy(image.source, store, image.descriptor)
    await store.tag(name, image.descriptor)
  })
  return image.descriptor
}

async function assertWhole(root: string, codec: NodeCodec, names: ReadonlyMap<string, Digest>): Promise<void> {
  await withWorld(root, async ({ store, snapshots, host }) => {
    for (const [name, digest] of names) {
      const descriptor = await store.resolve(name)
      assert.equal(descriptor?.digest, digest, name)
      assert.deepEqual(await validateContent(store, descriptor, { codec }), [], name)
      const image = await openImage(store, descriptor, { codec, platform: { os: 'linux', architecture: host.arch } })
      await snapshots.unpack(image)
    }
  })
}

async function assertServed(address: string, names: ReadonlyMap<string, Digest>, codec: NodeCodec): Promise<void> {
  for (const [name, digest] of names) {
    const [path = '', tag = ''] = name.slice(address.length + 1).split(':')
    const answer = await fetch(`http://${address}/v2/${path}/manifests/${tag}`)
    assert.equal(answer.headers.get('docker-content-digest'), digest, `${name}: ${answer.status}`)
    const document = (await answer.json()) as { config: Descriptor; layers: Descriptor[] }
    for (const blob of [document.config, ...document.layers]) {
      const { body } = await fetch(`http://${address}/v2/${path}/blobs/${blob.digest}`)
      const hasher = codec.hasher('sha256')
      for await (const chunk of body ?? []) await hasher.update(chunk as Uint8Array)
      assert.equal(await hasher.digest(), blob.digest)
    }
  }
}

test(
  'pushes and pulls whose processes are killed at both ends lose nothing that was acknowledged, and all come to their end',
  { skip, timeout: 120_000 + kills * 8000 },
  async (context) => {
    await using stack = new AsyncDisposableStack()
    const directory = mkdtempSync(join(tmpdir(), 'gantry-transfer-kills-'))
    stack.defer(() => rmSync(directory, { recursive: true, force: true }))
    const codec = stack.use(createCodec())
    const server = new KilledServer(join(directory, 'registry'), await freePort())
    await server.start()
    stack.defer(async () => void (await server.stop()))
    const pushed = new Map<string, Digest>()
    let clients = 0
    let seed = randomInt(1_000_000)
    let isOver = false
    const isEnough = (): boolean => clients + server.killed >= kills
    const count = (): void => void (clients += 1)
    const doing = async (worker: number): Promise<Map<string, Digest>> => {
      const pulled = new Map<string, Digest>()
      for (let turn = 0; !isEnough(); turn++) {
        const name = `${server.address}/worker/r${worker}:t${turn}`
        const source = join(directory, `push-${worker}`)
        const { digest } = await putImage(source, codec, ++seed, name)
        await untilDone(source, { verb: 'push', name, count, isEnough })
        pushed.set(name, digest)
        await untilDone(join(directory, `pull-${worker}`), { verb: 'pull', name, count, isEnough })
        pulled.set(name, digest)
      }
      return pulled
    }
    const killing = (async () => {
      while (!isOver && !isEnough()) {
        await sleep(randomInt(300, 3000))
        if (!isOver) await server.kill()
      }
    })()
    const results = await Promise.allSettled(Array.from({ length: workers }, (_, worker) => doing(worker)))
    isOver = true
    await killing
    const pulls = results.map((result) => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
    await assertServed(server.address, pushed, codec)
    await server.stop()
    await assertWhole(join(directory, 'registry'), codec, new Map())
    for (const [worker, pulled] of pulls.entries()) await assertWhole(join(directory, `pull-${worker}`), codec, pulled)
    assert.ok(clients > 0 && server.killed > 0)
    context.diagnostic(`${clients} clients and ${server.killed} servers were killed; ${pushed.size} images moved twice`)
  },
)
