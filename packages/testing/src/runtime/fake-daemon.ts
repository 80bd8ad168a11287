import { createServer, type Socket } from 'node:net'
import { mkdirSync } from 'node:fs'
import { createClient, type Client, type ImagesApi } from '@gantry/client'
import { createDockerApi } from '@gantry/docker-api'
import { fakeWorld, type FakeWorld } from './fake-world.ts'

/** The API over a fake world, listening on a socket in the world's directory. */
export interface FakeDaemon extends AsyncDisposable {
  readonly world: FakeWorld
  readonly socket: string
  readonly client: Client
}

/** Serves a fake world. Without root, without a kernel. */
export async function fakeDaemon(
  options: Parameters<typeof fakeWorld>[0] & { readonly imagesApi?: Partial<ImagesApi> } = {},
): Promise<FakeDaemon> {
  const { imagesApi, ...rest } = options
  const world = fakeWorld(rest)
  const { site, engine, networks, host, clock } = world
  mkdirSync(site.run, { recursive: true })
  const api = createDockerApi({
    engine,
    networks,
    site,
    host,
    clock,
    images: { ...noImages, ...imagesApi },
    version: '0.0.0',
    runtimeName: 'fake',
  })
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    void api.serve(socket)
  })
  await new Promise<void>((resolve) => server.listen(site.socket, resolve))
  const client = createClient({ socket: site.socket })
  return {
    world,
    socket: site.socket,
    client,
    [Symbol.asyncDispose]: async () => {
      client.close()
      server.close()
      for (const socket of open) socket.destroy()
      await world[Symbol.asyncDispose]()
    },
  }
}

const refuse = (): never => {
  throw new Error('The fake daemon has no images')
}

const noImages: ImagesApi = {
  list: () => Promise.resolve([]),
  inspect: refuse,
  history: refuse,
  prune: refuse,
  diskUsage: refuse,
  remove: refuse,
  tag: refuse,
  push: refuse,
  pull: refuse,
  load: refuse,
  save: refuse,
}
