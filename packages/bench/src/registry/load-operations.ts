import type { LoadBlob, LoadImage } from './load-content.ts'
import { manifestType } from './load-content.ts'
import type { RawAnswer, RawConnection, RawRequest } from './raw-connection.ts'

/** Chunks of a chunked push. */
const chunkSize = 5_000_000

/** Pushes an image: its layer, its config, its manifest. @returns milliseconds to the first byte of the layer's last answer */
export async function pushImage(
  connection: RawConnection,
  image: LoadImage,
  { repository, tag, chunked }: { readonly repository: string; readonly tag: string; readonly chunked: boolean },
): Promise<number> {
  const firstByte = await pushBlob(connection, image.layer, { repository, chunked })
  await pushBlob(connection, image.config, { repository, chunked: false })
  await putManifest(connection, image, { repository, tag })
  return firstByte
}

/** Pushes a blob: as a whole, or in chunks. */
export async function pushBlob(
  connection: RawConnection,
  blob: LoadBlob,
  { repository, chunked }: { readonly repository: string; readonly chunked: boolean },
): Promise<number> {
  const started = await expect(connection, 202, { method: 'POST', path: `/v2/${repository}/blobs/uploads/` })
  let location = locationOf(started)
  for (let at = 0; chunked && at < blob.size; at += chunkSize) {
    const end = Math.min(at + chunkSize, blob.size)
    const answer = await expect(connection, 202, {
      method: 'PATCH',
      path: location,
      headers: { 'Content-Type': 'application/octet-stream', 'Content-Range': `${at}-${end - 1}` },
      body: { size: end - at, parts: () => blob.parts(at, end) },
    })
    location = locationOf(answer)
  }
  const path = `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(blob.digest)}`
  const headers = { 'Content-Type': 'application/octet-stream' }
  const body = { size: blob.size, parts: () => blob.parts() }
  const done = await expect(connection, 201, { method: 'PUT', path, headers, ...(chunked ? {} : { body }) })
  return done.firstByte
}

/** Puts a manifest under a tag. */
export async function putManifest(
  connection: RawConnection,
  { manifest }: LoadImage,
  { repository, tag }: { readonly repository: string; readonly tag: string },
): Promise<number> {
  const answer = await expect(connection, 201, {
    method: 'PUT',
    path: `/v2/${repository}/manifests/${tag}`,
    headers: { 'Content-Type': manifestType },
    body: { size: manifest.length, parts: () => [manifest] },
  })
  return answer.firstByte
}

/** Pulls an image by its tag: the manifest, the config, the layer. @returns milliseconds to the first byte of the layer */
export async function pullImage(
  connection: RawConnection,
  { layer, config, manifest }: LoadImage,
  { repository, tag }: { readonly repository: string; readonly tag: string },
): Promise<number> {
  await getManifest(connection, { repository, tag, size: manifest.length })
  await getBlob(connection, config, repository)
  return getBlob(connection, layer, repository)
}

/** Gets a blob, and sees that it has the right size. */
export async function getBlob(connection: RawConnection, blob: LoadBlob, repository: string): Promise<number> {
  const answer = await expect(connection, 200, { method: 'GET', path: `/v2/${repository}/blobs/${blob.digest}` })
  if (answer.size !== blob.size) throw new Error(`a blob of ${blob.size} bytes came with ${answer.size}`)
  return answer.firstByte
}

/** Asks for a manifest by its tag. */
export async function getManifest(
  connection: RawConnection,
  options: {
    readonly repository: string
    readonly tag: string
    readonly size: number
    readonly method?: 'GET' | 'HEAD'
  },
): Promise<number> {
  const { repository, tag, size, method = 'GET' } = options
  const answer = await expect(connection, 200, {
    method,
    path: `/v2/${repository}/manifests/${tag}`,
    headers: { Accept: manifestType },
  })
  const came = method === 'HEAD' ? Number(answer.headers.get('content-length')) : answer.size
  if (came !== size) throw new Error(`a manifest of ${size} bytes came with ${came}`)
  return answer.firstByte
}

/** Lists the repositories. */
export async function getCatalog(connection: RawConnection, least: number): Promise<number> {
  const answer = await expect(connection, 200, { method: 'GET', path: '/v2/_catalog?n=100', keep: true })
  const { repositories } = JSON.parse(answer.text) as { repositories: readonly string[] }
  if (repositories.length < least) throw new Error(`${repositories.length} repositories came, not ${least}`)
  return answer.firstByte
}

async function expect(connection: RawConnection, status: number, request: RawRequest): Promise<RawAnswer> {
  const answer = await connection.ask(request)
  if (answer.status === status) return answer
  throw new Error(`${request.method} ${request.path} was answered with ${answer.status} ${answer.text}`)
}

function locationOf(answer: RawAnswer): string {
  const { pathname, search } = new URL(answer.headers.get('location') ?? '', 'http://localhost')
  return `${pathname}${search}`
}
