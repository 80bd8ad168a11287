import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type Descriptor, type Digest, isDigest } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { Store } from '@gantry/store'
import { BuildError } from '../build-error.ts'

/** A file that came over HTTP and lies in the store. */
export interface Download {
  readonly digest: Digest
  readonly size: number
  /** What it is called: by the server, or by the last part of its address. May be empty. */
  readonly name: string
  /** When it was changed, as the server says it. */
  readonly modified?: string | undefined
}

/** What downloading works with. */
export interface DownloadPorts {
  readonly state: State
  readonly store: Pick<Store, 'ingest' | 'has' | 'path' | 'delete'>
}

/** How a file is asked for. */
export interface DownloadOptions {
  /** What the content must be. With it, a file that is here already is not asked for again. */
  readonly checksum?: string | undefined
  readonly signal: AbortSignal
}

const mediaType = 'application/octet-stream'
let usesProxies = false

/**
 * Fetches a file into the store. The server is asked every time whether its file is still the one that is here, unless a checksum
 * says which it must be.
 * @throws BuildError SOURCE_UNREADABLE
 */
export async function download(url: string, ports: DownloadPorts, options: DownloadOptions): Promise<Download> {
  const { state, store } = ports
  const { checksum, signal } = options
  const known = remembered(state, url)
  const isHere = known !== undefined && (await store.has({ mediaType, digest: known.digest, size: known.size }))
  if (isHere && checksum === known.digest) return known
  const response = await request(url, isHere ? known : undefined, signal)
  if (response.status === 304 && isHere) {
    await response.body?.cancel()
    await check(url, known, ports, checksum)
    return known
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel()
    throw unreadable(url, `the server answered ${response.status} ${response.statusText}`.trimEnd())
  }
  let descriptor: Descriptor
  try {
    descriptor = await store.ingest(response.body as AsyncIterable<Uint8Array>, { mediaType, signal })
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof TypeError) throw unreadable(url, `the connection broke: ${causeOf(error)}`, error)
    throw error
  }
  const { digest, size } = descriptor
  const modified = response.headers.get('last-modified') ?? undefined
  const found: Download = { digest, size, name: nameOf(url, response), modified }
  await check(url, found, ports, checksum)
  state
    .prepare(
      `INSERT INTO builder_downloads (url, digest, size, name, etag, modified, used) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (url) DO UPDATE SET digest = excluded.digest, size = excluded.size, name = excluded.name,
         etag = excluded.etag, modified = excluded.modified, used = excluded.used`,
    )
    .run(url, digest, size, found.name, response.headers.get('etag'), response.headers.get('last-modified'), Date.now())
  return found
}

interface Remembered extends Download {
  readonly etag: string | undefined
  readonly modified: string | undefined
}

function remembered(state: State, url: string): Remembered | undefined {
  const row = state.prepare('SELECT digest, size, name, etag, modified FROM builder_downloads WHERE url = ?').get(url)
  const digest = row?.['digest']
  if (row === undefined || typeof digest !== 'string' || !isDigest(digest)) return undefined
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
  return {
    digest,
    size: Number(row['size']),
    name: text(row['name']) ?? '',
    etag: text(row['etag']),
    modified: text(row['modified']),
  }
}

async function request(url: string, known: Remembered | undefined, signal: AbortSignal): Promise<Response> {
  // Not imported: that would load all that node:http exports, for every command.
  if (!usesProxies) process.getBuiltinModule('node:http').setGlobalProxyFromEnv()
  usesProxies = true
  const address = new URL(url)
  const { username, password } = address
  address.username = ''
  address.password = ''
  const login = Buffer.from(`${decode(username)}:${decode(password)}`).toString('base64')
  const headers = {
    'user-agent': 'gantry',
    // Else a server might compress, and what is hashed would not be what it has.
    'accept-encoding': 'identity',
    ...(username === '' ? {} : { authorization: `Basic ${login}` }),
    ...(known?.etag === undefined ? {} : { 'if-none-match': known.etag }),
    ...(known?.modified === undefined ? {} : { 'if-modified-since': known.modified }),
  }
  try {
    return await fetch(address, { headers, signal })
  } catch (error) {
    signal.throwIfAborted()
    throw unreadable(url, causeOf(error), error)
  }
}

async function check(url: string, { digest, size }: Download, ports: DownloadPorts, checksum?: string): Promise<void> {
  if (checksum === undefined || checksum === digest) return
  const [algorithm = '', wanted] = checksum.split(':')
  let found: string = digest
  if (algorithm === 'sha512') {
    const hash = createHash('sha512')
    for await (const chunk of createReadStream(ports.store.path(digest))) hash.update(chunk as Uint8Array)
    const hex = hash.digest('hex')
    if (hex === wanted) return
    found = `sha512:${hex}`
  }
  throw unreadable(url, `its digest is ${found} (${size} bytes), not ${checksum}`)
}

/** `Content-Disposition` first, then the last part of the path; never a path. */
function nameOf(url: string, response: Response): string {
  const disposition = response.headers.get('content-disposition') ?? ''
  const [, quoted, plain] = /(?:^|;)\s*filename\s*=\s*(?:"([^"]*)"|([^\s;]+))/i.exec(disposition) ?? []
  const named = (quoted ?? plain ?? '').split(/[/\\]/).at(-1) ?? ''
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  const name = named === '' ? decode(last) : named
  return name === '.' || name === '..' || name.includes('/') || name.includes('\0') ? '' : name
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function causeOf(error: unknown): string {
  const { cause } = error as { cause?: unknown }
  return cause instanceof Error && cause.message !== ''
    ? cause.message
    : error instanceof Error
      ? error.message
      : String(error)
}

function unreadable(url: string, what: string, cause?: unknown): BuildError {
  return new BuildError('SOURCE_UNREADABLE', `Cannot download "${withoutSecrets(url)}": ${what}`, { cause })
}

/** An address as it may be shown: without a password, and without what may be a token in its query. */
function withoutSecrets(url: string): string {
  const shown = new URL(url)
  shown.username = ''
  shown.password = ''
  if (shown.search !== '') shown.search = '?…'
  return shown.href.replace('%E2%80%A6', '…')
}
