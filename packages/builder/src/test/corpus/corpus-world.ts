import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DockerfileError } from '@gantry/dockerfile'
import { assembleImage, copy, openImage } from '@gantry/image'
import type { Descriptor } from '@gantry/oci'
import { type TarInput, writeTar } from '@gantry/tar'
import { BuildError } from '../../build-error.ts'
import { World } from '../world.ts'
import { describeImage, linesOf } from './describe-image.ts'
import type { CorpusCase } from './parse-cases.ts'
import { type Placeholders, writeContext } from './write-context.ts'

/** The secret that builds of the corpus get under the id `known`. */
export const knownSecret = 'a secret of the corpus'

/** What the images of `FROM` are called. */
export const busyboxName = 'localhost/busybox:latest'
export const caseBaseName = 'localhost/corpus-base:latest'

/** A place where the corpus is built with Gantry. */
export class CorpusWorld implements AsyncDisposable {
  readonly world: World
  readonly values: Placeholders
  /** The files of the base image. */
  readonly base: ReadonlyMap<string, string>
  readonly #server: Server

  private constructor(parts: {
    world: World
    values: Placeholders
    base: ReadonlyMap<string, string>
    server: Server
  }) {
    this.world = parts.world
    this.values = parts.values
    this.base = parts.base
    this.#server = parts.server
  }

  static async open(): Promise<CorpusWorld> {
    const world = await World.open()
    const descriptor = await withHistory(world, await world.busybox())
    const { files } = await describeImage(await openImage(world.store, descriptor, { codec: world.codec }))
    const server = await serve()
    const port = String((server.address() as AddressInfo).port)
    const values = {
      server: `http://127.0.0.1:${port}`,
      sum: createHash('sha256').update(served).digest('hex'),
      unique: `corpus-${process.pid}`,
    }
    return new CorpusWorld({ world, values, base: files, server })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await this.world[Symbol.asyncDispose]()
  }

  /** A new directory with a case's context in it. */
  async context(item: CorpusCase, above: string): Promise<string> {
    const directory = mkdtempSync(join(above, `${item.name}-`))
    await writeContext(directory, item, this.values)
    return directory
  }

  /** Builds a case with Gantry: lines of what came out, or one that says which error and where. */
  async build(item: CorpusCase): Promise<readonly string[]> {
    const context = await this.context(item, this.world.root)
    const { buildArgs, labels, target } = item
    const common = { secrets: { known: { value: Buffer.from(knownSecret) } } }
    try {
      if (hasOwnBase(item)) {
        await this.world.build(context, { dockerfile: join(context, 'base.Dockerfile'), tags: [caseBaseName] })
      }
      const { descriptor } = await this.world.build(context, {
        ...common,
        buildArgs,
        labels,
        ...(target === undefined ? {} : { target }),
      })
      return await this.describe(descriptor)
    } catch (error) {
      if (!(error instanceof BuildError) && !(error instanceof DockerfileError)) throw error
      return [`error ${error.code} ${String(error.line)}:${String(error.column)}`]
    } finally {
      rmSync(context, { recursive: true, force: true })
    }
  }

  /** The lines of an image that lies in this world's store. */
  async describe(descriptor: Descriptor): Promise<string[]> {
    const { store, codec } = this.world
    return linesOf(await describeImage(await openImage(store, descriptor, { codec })), this.base, this.values)
  }
}

/**
 * Does work for every case, a few at a time. Cases with a base of their own come one after the other, because those have one name.
 */
export async function forEachCase(
  cases: readonly CorpusCase[],
  work: (item: CorpusCase) => Promise<void>,
): Promise<void> {
  const alone = cases.filter(hasOwnBase)
  const others = cases.filter((item) => !hasOwnBase(item))
  const take = async (queue: CorpusCase[]): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
  }
  await Promise.all([take(alone), ...Array.from({ length: atATime - 1 }, () => take(others))])
}

const atATime = 4

/** Whether a case stands on an image of its own, which is built first. */
export function hasOwnBase({ files }: CorpusCase): boolean {
  return files.some(({ path }) => path === 'base.Dockerfile')
}

/** The base with a history, as images have one that a build made. */
async function withHistory(world: World, base: Descriptor): Promise<Descriptor> {
  const { store, codec } = world
  const image = await openImage(store, base, { codec })
  const { architecture, os, config = {} } = await image.config()
  const history = [{ created_by: 'the base of the corpus' }]
  const layers = (await image.layers()).map(({ descriptor, diffId }) => ({ descriptor, diffId }))
  const made = await assembleImage({ config: { architecture, os, config, history }, layers }, { source: store, codec })
  await copy(made.source, store, made.descriptor)
  await store.tag(busyboxName, made.descriptor)
  return made.descriptor
}

const served = 'downloaded\n'

async function serve(): Promise<Server> {
  const entry: TarInput = {
    header: { path: 'f', type: 'file', mode: 0o640, uid: 5, gid: 6, size: 7, mtime: 1e9 },
    body: [Buffer.from('content')],
  }
  const archive = Buffer.concat(await Array.fromAsync(writeTar([entry])))
  const files = new Map<string, string | Buffer>([
    ['/file.txt', served],
    ['/dir/other.bin', 'other'],
    ['/a.tar', archive],
  ])
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname
    const content = files.get(path)
    response.writeHead(content === undefined ? 404 : 200, { 'last-modified': 'Thu, 01 Jan 2015 00:00:00 GMT' })
    response.end(request.method === 'HEAD' ? undefined : content)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
