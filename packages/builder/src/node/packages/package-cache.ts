import { createHash, hash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Codec } from '@gantry/image'
import { run } from '@gantry/process'
import { BuildError } from '../../build-error.ts'
import { memberOf, textOrNothing } from '../json-value.ts'
import type { LockedPackage } from '../lock/lock.ts'
import { type Integrity, integrityOfAddress, parseIntegrity } from './integrity.ts'
import type { NpmSettings } from './npm-settings.ts'
import { type PackageAbout, readPackage } from './package-about.ts'

/** A package with the checksum that it must have. */
export interface ResolvedPackage {
  readonly name: string
  readonly version: string
  readonly integrity: string
  /** Where the lockfile or the registry says that it is. */
  readonly url: string | undefined
}

/** What packages are kept with. */
export interface PackageCacheOptions {
  /** Made when it is missing. */
  readonly directory: string
  readonly codec: Codec
  readonly settings: NpmSettings
  readonly signal: AbortSignal
}

const largest = 2 * 2 ** 30
/** How much a package may expand to: 300 times its size and 1 GiB. */
const expansion = { factor: 300, floor: 2 ** 30 }
const aboutVersion = 1
const attempts = 3
let usesProxies = false

/**
 * Packages of npm registries on disk, by their checksum. What is here was verified when it came; nothing is fetched twice, and what
 * was cut off by a crash is fetched again. Several processes may use a directory at once.
 *
 *   <algorithm>/<aa>/<hex>.tgz    as it came
 *   <algorithm>/<aa>/<hex>.json   what has to be known of it; written last
 *   names/<hex>.json              the checksum of a version, for lockfiles that do not have it
 */
export class PackageCache {
  readonly #options: PackageCacheOptions
  readonly #known = new Map<string, Promise<PackageAbout>>()
  #npmRegistry: Promise<string> | undefined
  /** Packages that had to be fetched. */
  fetched = 0

  constructor(options: PackageCacheOptions) {
    this.#options = options
  }

  /** The address and checksum of a locked package. Without a checksum in the lockfile, the registry is asked once and for all. */
  async resolve(locked: LockedPackage): Promise<ResolvedPackage> {
    const { name, version, url } = locked
    const integrity = locked.integrity ?? (url === undefined ? undefined : integrityOfAddress(url))
    if (url !== undefined && !/^https?:/.test(url)) {
      throw new BuildError(
        'PACKAGE_UNAVAILABLE',
        `Cannot use "${name}" from "${url.slice(0, 200)}": only registries are understood`,
        {
          hint: 'publish it, make it a workspace, or write a Dockerfile',
        },
      )
    }
    if (integrity === undefined) return this.#ask(name, version)
    return { name, version, integrity, url }
  }

  /** Sees to it that a package is here. @throws BuildError PACKAGE_UNAVAILABLE, PACKAGE_INVALID */
  about(resolved: ResolvedPackage): Promise<PackageAbout> {
    const path = this.#path(resolved)
    const known = this.#known.get(path)
    if (known !== undefined) return known
    const about = this.#load(resolved, path)
    this.#known.set(path, about)
    return about
  }

  /** The package, not compressed. It must be here. */
  open(resolved: ResolvedPackage, about: PackageAbout): AsyncIterable<Uint8Array> {
    return this.#unpacked(`${this.#path(resolved)}.tgz`, about.size)
  }

  #unpacked(path: string, size: number): AsyncIterable<Uint8Array> {
    const limit = size * expansion.factor + expansion.floor
    return bounded(this.#options.codec.decompress('gzip', createReadStream(path, { highWaterMark: 1 << 18 })), limit)
  }

  #path(resolved: ResolvedPackage): string {
    const { algorithm, hex } = this.#integrityOf(resolved)
    return join(this.#options.directory, algorithm, hex.slice(0, 2), hex)
  }

  #integrityOf({ name, version, integrity }: ResolvedPackage): Integrity {
    const found = parseIntegrity(integrity)
    if (found !== undefined) return found
    throw new BuildError(
      'LOCKFILE_INVALID',
      `Cannot use "${name}@${version}": its checksum "${integrity.slice(0, 100)}" is not understood`,
    )
  }

  async #load(resolved: ResolvedPackage, path: string): Promise<PackageAbout> {
    const known = await this.#read(path)
    if (known !== undefined) return known
    const file = `${path}.tgz`
    await mkdir(dirname(path), { recursive: true })
    await this.#fetch(resolved, file)
    this.fetched++
    const { size } = await stat(file)
    let about: PackageAbout
    try {
      about = await readPackage(this.#unpacked(file, size), resolved.name, size)
    } catch (error) {
      if (error instanceof BuildError || this.#options.signal.aborted) throw error
      throw new BuildError(
        'PACKAGE_INVALID',
        `Cannot read the package "${resolved.name}@${resolved.version}": ${messageOf(error)}`,
        { cause: error },
      )
    }
    await writeAside(`${path}.json`, JSON.stringify({ aboutVersion, ...about }))
    return about
  }

  async #read(path: string): Promise<PackageAbout | undefined> {
    const text = await readFile(`${path}.json`, 'utf8').catch(() => undefined)
    if (text === undefined) return undefined
    const { size } = await stat(`${path}.tgz`).catch(() => ({ size: -1 }))
    try {
      const value = JSON.parse(text) as PackageAbout & { readonly aboutVersion: number }
      return value.size === size && value.aboutVersion === aboutVersion ? value : undefined
    } catch {
      return undefined
    }
  }

  /** The registry that is set for a package, else the one that npm itself would ask. */
  async #registryOf(name: string): Promise<string> {
    const set = this.#options.settings.registryOf(name)
    if (set !== undefined) return set
    this.#npmRegistry ??= askNpm(this.#options.signal)
    return this.#npmRegistry
  }

  async #fetch(resolved: ResolvedPackage, file: string): Promise<void> {
    const { name, url } = resolved
    const registry = url === undefined ? await this.#registryOf(name) : this.#options.settings.registryOf(name)
    const addresses = addressesOf(resolved, registry)
    for (const [index, address] of addresses.entries()) {
      try {
        return await this.#fetchFrom(resolved, address, file)
      } catch (error) {
        this.#options.signal.throwIfAborted()
        if (!(error instanceof BuildError) || index === addresses.length - 1) throw error
      }
    }
  }

  async #fetchFrom(resolved: ResolvedPackage, url: string, file: string): Promise<void> {
    const { name, version } = resolved
    const expected = this.#integrityOf(resolved)
    for (let attempt = 1; ; attempt++) {
      const aside = `${file}.${process.pid}-${randomBytes(4).toString('hex')}`
      try {
        const found = await this.#download(url, aside, expected.algorithm)
        if (found !== expected.hex) {
          throw new BuildError(
            'PACKAGE_INVALID',
            `Cannot use "${name}@${version}" from ${shown(url)}: its ${expected.algorithm} is ${found}, the lockfile has ${expected.hex}`,
          )
        }
        await rename(aside, file)
        return
      } catch (error) {
        await rm(aside, { force: true })
        this.#options.signal.throwIfAborted()
        if (error instanceof BuildError) throw error
        const isFinal = error instanceof Refused && error.status < 500 && error.status !== 429
        if (attempt === attempts || isFinal) {
          throw new BuildError(
            'PACKAGE_UNAVAILABLE',
            `Cannot fetch "${name}@${version}" from ${shown(url)}: ${messageOf(error)}`,
            {
              cause: error,
              hint:
                isFinal && (error.status === 401 || error.status === 403)
                  ? 'put a token for the registry into your ~/.npmrc'
                  : undefined,
            },
          )
        }
      }
    }
  }

  async #download(url: string, path: string, algorithm: string): Promise<string> {
    const response = await this.#request(url)
    const hasher = createHash(algorithm)
    await using file = await open(path, 'wx', 0o600)
    let size = 0
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      size += chunk.length
      if (size > largest) throw new BuildError('PACKAGE_INVALID', `Cannot use ${shown(url)}: it is larger than 2 GiB`)
      hasher.update(chunk)
      await file.write(chunk)
    }
    return hasher.digest('hex')
  }

  async #request(url: string, accept?: string): Promise<Response> {
    // Not imported: that would load all that node:http exports, for every command.
    if (!usesProxies) process.getBuiltinModule('node:http').setGlobalProxyFromEnv()
    usesProxies = true
    const authorization = this.#options.settings.authorizationFor(url)
    const response = await fetch(url, {
      headers: {
        ...(authorization === undefined ? {} : { authorization }),
        ...(accept === undefined ? {} : { accept }),
      },
      signal: this.#options.signal,
    })
    if (response.ok && response.body !== null) return response
    await response.body?.cancel()
    throw new Refused(response.status)
  }

  async #ask(name: string, version: string): Promise<ResolvedPackage> {
    const key = hash('sha256', `${this.#options.settings.registryOf(name) ?? ''}\n${name}\n${version}`, 'hex')
    const path = join(this.#options.directory, 'names', `${key}.json`)
    const text = await readFile(path, 'utf8').catch(() => undefined)
    const kept = text === undefined ? undefined : resolvedOf(name, version, text)
    if (kept !== undefined) return kept
    const address = `${await this.#registryOf(name)}${name.replace('/', '%2f')}/${encodeURIComponent(version)}`
    try {
      const response = await this.#request(address, 'application/json')
      const dist = memberOf(JSON.parse(await boundedText(response)), 'dist')
      const sha1 = textOrNothing(memberOf(dist, 'shasum'))
      const integrity = textOrNothing(memberOf(dist, 'integrity')) ?? integrityOfAddress(`#${sha1 ?? ''}`)
      const url = textOrNothing(memberOf(dist, 'tarball'))
      if (integrity === undefined || url === undefined) throw new TypeError('the registry does not say where it is')
      await mkdir(dirname(path), { recursive: true })
      await writeAside(path, JSON.stringify({ integrity, url }))
      return { name, version, integrity, url }
    } catch (error) {
      this.#options.signal.throwIfAborted()
      const message = `Cannot ask ${shown(address)} for "${name}@${version}": ${messageOf(error)}`
      throw new BuildError('PACKAGE_UNAVAILABLE', message, { cause: error })
    }
  }
}

/** The registry that the host's npm asks when nothing is set. @throws BuildError PACKAGE_UNAVAILABLE */
async function askNpm(signal: AbortSignal): Promise<string> {
  try {
    const { stdout } = await run('npm', ['config', 'get', 'registry'], { signal })
    return stdout.trim().replace(/\/?$/, '/')
  } catch (cause) {
    signal.throwIfAborted()
    throw new BuildError('PACKAGE_UNAVAILABLE', `Cannot tell where packages come from: ${messageOf(cause)}`, {
      cause,
      hint: 'install npm, or set "registry" in .npmrc',
    })
  }
}

/** An answer that is none. */
class Refused extends Error {
  readonly status: number

  constructor(status: number) {
    super(`the registry answered ${status}`)
    this.status = status
  }
}

function resolvedOf(name: string, version: string, text: string): ResolvedPackage | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const integrity = textOrNothing(memberOf(value, 'integrity'))
    const url = textOrNothing(memberOf(value, 'url'))
    return integrity === undefined || url === undefined ? undefined : { name, version, integrity, url }
  } catch {
    return undefined
  }
}

/**
 * Where a tarball may be. Lockfiles name the registry of whoever wrote them; the one that is set here is asked first, and the checksum
 * says whether it has the same.
 */
function addressesOf(
  { name, version, url }: Pick<ResolvedPackage, 'name' | 'version' | 'url'>,
  registry: string | undefined,
): readonly string[] {
  const base = name.slice(name.indexOf('/') + 1)
  const written = url?.replace(/#.*$/, '')
  const usual = `${name}/-/${base}-${version}.tgz`
  const path = written === undefined ? usual : /(?:@[^/]+\/)?[^/]+\/-\/[^/]+$/.exec(new URL(written).pathname)?.[0]
  const here = registry === undefined || path === undefined ? [] : [`${registry}${path}`]
  return [...new Set([...here, ...(written === undefined ? [] : [written])])]
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > 16 << 20) throw new TypeError('the answer is larger than 16 MiB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

async function* bounded(body: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > limit)
      throw new BuildError('PACKAGE_INVALID', 'Cannot unpack a package: it expands to more than 300 times its size')
    yield chunk
  }
}

async function writeAside(path: string, text: string): Promise<void> {
  const aside = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`
  await writeFile(aside, text)
  await rename(aside, path)
}

/** An address without a password. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

function messageOf(error: unknown): string {
  const { cause } = error as { cause?: unknown }
  const own = error instanceof Error ? error.message : String(error)
  return cause instanceof Error ? `${own} (${cause.message})` : own
}
