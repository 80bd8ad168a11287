import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { gzipSync } from 'node:zlib'
import { writeTar } from '@gantry/tar'

/** A package of a test: its files, by path; `package.json` is made from the rest. */
export interface TestPackage {
  readonly name: string
  readonly version: string
  readonly manifest?: Readonly<Record<string, unknown>>
  readonly files?: Readonly<Record<string, string>>
}

/** A package that is published. */
export interface PublishedPackage {
  readonly integrity: string
  readonly url: string
}

/** A registry of npm packages on the loopback, which counts what is asked of it. */
export class NpmRegistry implements AsyncDisposable {
  readonly requests: string[] = []
  readonly #server: Server
  readonly #files = new Map<string, Uint8Array>()
  #address = ''

  private constructor() {
    this.#server = createServer((request, response) => {
      const url = request.url ?? ''
      this.requests.push(url)
      const file = this.#files.get(url)
      if (file === undefined) response.writeHead(404).end()
      else response.writeHead(200).end(file)
    })
  }

  static async open(): Promise<NpmRegistry> {
    const registry = new NpmRegistry()
    await new Promise<void>((done) => registry.#server.listen(0, '127.0.0.1', done))
    const address = registry.#server.address()
    registry.#address = `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}/`
    return registry
  }

  get address(): string {
    return this.#address
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }

  /** Makes a tarball as `npm pack` does, but for its times, and serves it. */
  async publish({ name, version, manifest = {}, files = {} }: TestPackage): Promise<PublishedPackage> {
    const all = { 'package.json': JSON.stringify({ name, version, ...manifest }), ...files }
    const entries = Object.entries(all).map(([path, text]) => {
      const bytes = Buffer.from(text)
      const common = { mode: 0o644, uid: 501, gid: 20, mtime: 1_700_000_000, size: bytes.length }
      return { header: { path: `package/${path}`, type: 'file', ...common } as const, body: [bytes] }
    })
    return this.serve(name, version, gzipSync(Buffer.concat(await Array.fromAsync(writeTar(entries)))))
  }

  /** Serves whatever is said to be a tarball. */
  serve(name: string, version: string, bytes: Uint8Array): PublishedPackage {
    const path = `/${name}/-/${name.slice(name.indexOf('/') + 1)}-${version}.tgz`
    this.#files.set(path, bytes)
    const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
    const dist = { integrity, tarball: `${this.#address}${path.slice(1)}` }
    this.#files.set(`/${name.replace('/', '%2f')}/${version}`, Buffer.from(JSON.stringify({ dist })))
    return { integrity, url: dist.tarball }
  }
}
