// A program: reads a LoadJob from standard input, prepares what it needs, does the steps, and prints a LoadResult.
import { text } from 'node:stream/consumers'
import { freshBlob, freshImage, imageOf, type LoadImage } from './load-content.ts'
import type { LoadJob, LoadResult, LoadStep } from './load-job.ts'
import { getBlob, getCatalog, getManifest, pullImage, pushBlob, pushImage, putManifest } from './load-operations.ts'
import { RawConnection } from './raw-connection.ts'

/** Repositories for the catalog to list. */
const listed = 50

const job = JSON.parse(await text(process.stdin)) as LoadJob
process.stdout.write(JSON.stringify(await runJob(job)))

type Ready = (connection: RawConnection, worker: number) => Promise<number>

async function runJob({ address, steps, concurrency, upstream, prefix = '' }: LoadJob): Promise<LoadResult> {
  using stack = new DisposableStack()
  const connections = await Promise.all(Array.from({ length: concurrency }, () => RawConnection.open(address)))
  for (const each of connections) stack.use(each)
  const [first] = connections
  if (first === undefined) throw new Error('nobody works')
  const source = upstream === undefined ? first : stack.use(await RawConnection.open(upstream))
  // Everything that is hashed, and everything that is to be there, is made before the clock starts.
  const pulled = new Map<number, LoadImage>()
  const ready: Ready[] = []
  for (const step of steps) ready.push(await prepare(step, { first, source, pulled, prefix, at: ready.length }))
  const latencies: number[] = []
  const firstBytes: number[] = []
  let next = 0
  const cpu = process.cpuUsage()
  const began = performance.now()
  await Promise.all(
    connections.map(async (connection, worker) => {
      for (let work = ready[next++]; work !== undefined; work = ready[next++]) {
        const start = performance.now()
        firstBytes.push(await work(connection, worker))
        latencies.push(performance.now() - start)
      }
    }),
  )
  const elapsed = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  return { elapsed, latencies, firstBytes, busy: (user + system) / 1000 / elapsed }
}

interface Preparing {
  readonly first: RawConnection
  readonly source: RawConnection
  readonly pulled: Map<number, LoadImage>
  readonly prefix: string
  readonly at: number
}

async function prepare(step: LoadStep, { first, source, pulled, prefix, at }: Preparing): Promise<Ready> {
  const there = async (size: number, repository: string): Promise<LoadImage> => {
    const image = pulled.get(size) ?? freshImage(size)
    if (!pulled.has(size)) await pushImage(first, image, { repository, tag: `s${size}`, chunked: false })
    pulled.set(size, image)
    return image
  }
  switch (step.kind) {
    case 'catalog': {
      for (let n = 0; at === 0 && n < listed; n++) {
        await pushImage(first, freshImage(10), { repository: `list/r${n}`, tag: 't', chunked: false })
      }
      return (connection) => getCatalog(connection, listed)
    }
    case 'push': {
      const { size, chunked = false, only = false } = step
      const image = freshImage(size)
      return (connection, worker) =>
        only
          ? pushBlob(connection, image.layer, { repository: `push/w${worker}`, chunked })
          : pushImage(connection, image, { repository: `push/w${worker}`, tag: `t${at}`, chunked })
    }
    case 'pull': {
      const { size, only = false } = step
      const image = await there(size, 'pull')
      return (connection) =>
        only
          ? getBlob(connection, image.layer, 'pull')
          : pullImage(connection, image, { repository: 'pull', tag: `s${size}` })
    }
    case 'manifest': {
      const { method } = step
      const image = await there(1000, 'small')
      if (method === 'PUT') {
        const other = imageOf(image.layer, image.config)
        return (connection) => putManifest(connection, other, { repository: 'small', tag: `t${at}` })
      }
      const size = image.manifest.length
      return (connection) => getManifest(connection, { repository: 'small', tag: 's1000', size, method })
    }
    case 'sync': {
      const image = imageOf(freshBlob(step.size), freshBlob(512))
      const tag = image.digest.slice(7, 27)
      await pushImage(source, image, { repository: 'sync/app', tag, chunked: false })
      return (connection) => pullImage(connection, image, { repository: `${prefix}sync/app`, tag })
    }
  }
}
