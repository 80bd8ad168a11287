import { hash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Codec } from '@gantry/image'
import { BuildError } from '../../build-error.ts'
import { memberOf, textOrNothing } from '../json-value.ts'
import type { LockedPackage } from '../lock/lock.ts'
import { type Integrity, integrityOfAddress, parseIntegrity } from './integrity.ts'
import type { NpmSettings } from './npm-settings.ts'
import { type PackageAbout, readPackage } from './package-about.ts'
import { PackageRegistry } from './package-registry.ts'
import { reasonOf } from './reason-of.ts'

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

/** How much a package may expand to: 300 times its size and 1 GiB. */
const expansion = { factor: 300, floor: 2 ** 30 }
const aboutVersion = 1

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
  readonly #registry: PackageRegistry
  /** Packages that had to be fetched. */
  fetched = 0

  constructor(options: PackageCacheOptions) {
    this.#options = options
    this.#registry = new PackageRegistry(options)
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
    await this.#registry.fetch(resolved, { file, expected: this.#integrityOf(resolved) })
    this.fetched++
    const { size } = await stat(file)
    let about: PackageAbout
    try {
      about = await readPackage(this.#unpacked(file, size), resolved.name, size)
    } catch (error) {
      if (error instanceof BuildError || this.#options.signal.aborted) throw error
      throw new BuildError(
        'PACKAGE_INVALID',
        `Cannot read the package "${resolved.name}@${resolved.version}": ${reasonOf(error)}`,
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

  async #ask(name: string, version: string): Promise<ResolvedPackage> {
    const key = hash('sha256', `${this.#options.settings.registryOf(name) ?? ''}\n${name}\n${version}`, 'hex')
    const path = join(this.#options.directory, 'names', `${key}.json`)
    const text = await readFile(path, 'utf8').catch(() => undefined)
    const kept = text === undefined ? undefined : resolvedOf(name, version, text)
    if (kept !== undefined) return kept
    const found = await this.#registry.ask(name, version)
    await mkdir(dirname(path), { recursive: true })
    await writeAside(path, JSON.stringify({ integrity: found.integrity, url: found.url }))
    return found
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
