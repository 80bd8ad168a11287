import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCodec } from '@gantry/codec'
import { MemoryStore } from '@gantry/image'
import {
  createRegistry,
  memoryStorage,
  registryMigrations,
  serveRegistry,
  type Answer,
  type RegistryRequest,
  type RegistryResponse,
} from '@gantry/registry'
import { openState } from '@gantry/state'
import type { Context } from '../context.ts'
import { findSite } from '../find-site.ts'
import type { Output } from '../output.ts'

/** A registry on a port of this machine that writes down what it was asked. */
export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  /** `GET /v2/app/tags/list`, in the order they came. */
  readonly requests: string[]
}

/** A directory, a root of its own in it, and contexts of commands that print into memory. */
export interface TransportWorld extends AsyncDisposable {
  readonly directory: string
  readonly root: string
  /** A path in the directory. */
  path(name: string): string
  /** Does something as one command, and answers what it printed. */
  command<T>(work: (context: Context) => Promise<T>): Promise<{ readonly result: T; readonly out: string }>
  /** Starts a registry; `instead` is asked first, and answers itself where it answers anything. */
  registry(instead?: (request: RegistryRequest) => Promise<RegistryResponse | undefined>): Promise<TestRegistry>
}

/** Makes a world for tests of transports; disposing of it ends its registries and removes its directory. */
export async function transportWorld(): Promise<TransportWorld> {
  const stack = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'gantry-transports-'))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  const codec = createCodec()
  stack.defer(() => codec.close())
  const root = join(directory, 'root')
  return {
    directory,
    root,
    path: (name) => join(directory, name),
    async command(work) {
      await using context = memoryContext(root)
      const result = await work(context)
      return { result, out: context.text() }
    },
    async registry(instead = async () => undefined) {
      const state = stack.use(openState(':memory:', registryMigrations))
      const storage = memoryStorage(new MemoryStore(codec), codec)
      const core = stack.use(createRegistry({ storage, state }))
      const requests: string[] = []
      const answer: Answer = async (request) => {
        requests.push(`${request.method} ${request.path}`)
        return (await instead(request)) ?? core.answer(request)
      }
      const served = await serveRegistry({ registry: { answer }, port: 0 })
      stack.defer(() => served.close({ timeout: 100 }))
      return { host: `127.0.0.1:${served.port}`, requests }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function memoryContext(root: string): Context & AsyncDisposable & { readonly text: () => string } {
  const cleanups: (() => void | Promise<void>)[] = []
  const printed: string[] = []
  const write = (data: string | Uint8Array): void =>
    void printed.push(typeof data === 'string' ? data : `${data.length} bytes`)
  const out: Output = { write, stream: async (data) => write(data), isTerminal: false, columns: 80 }
  const globals = { root, host: undefined, debug: false }
  return {
    env: {},
    globals,
    out,
    err: out,
    site: async () => findSite(globals, {}),
    daemon: () => Promise.reject(new Error('There is no daemon here')),
    defer: (cleanup) => void cleanups.push(cleanup),
    signal: new AbortController().signal,
    text: () => printed.join(''),
    [Symbol.asyncDispose]: async () => {
      for (const cleanup of cleanups.toReversed()) await cleanup()
    },
  }
}
