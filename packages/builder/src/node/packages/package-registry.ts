import { createHash, randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { run } from '@gantry/process'
import { BuildError } from '../../build-error.ts'
import { memberOf, textOrNothing } from '../json-value.ts'
import { type Integrity, integrityOfAddress } from './integrity.ts'
import type { NpmSettings } from './npm-settings.ts'
import type { ResolvedPackage } from './package-cache.ts'
import { reasonOf } from './reason-of.ts'

/** Where a package is put, and what it must be. */
export interface FetchTarget {
  readonly file: string
  readonly expected: Integrity
}

const largest = 2 * 2 ** 30
const attempts = 3
let usesProxies = false

/** The registries that packages come from: those that npm would ask here, with its credentials. */
export class PackageRegistry {
  readonly #options: { readonly settings: NpmSettings; readonly signal: AbortSignal }
  #npmRegistry: Promise<string> | undefined

  constructor(options: { readonly settings: NpmSettings; readonly signal: AbortSignal }) {
    this.#options = options
  }

  /** Asks for the address and checksum of a version. @throws BuildError PACKAGE_UNAVAILABLE */
  async ask(name: string, version: string): Promise<ResolvedPackage> {
    const address = `${await this.#registryOf(name)}${name.replace('/', '%2f')}/${encodeURIComponent(version)}`
    try {
      const response = await this.#request(address, 'application/json')
      const dist = memberOf(JSON.parse(await boundedText(response)), 'dist')
      const sha1 = textOrNothing(memberOf(dist, 'shasum'))
      const integrity = textOrNothing(memberOf(dist, 'integrity')) ?? integrityOfAddress(`#${sha1 ?? ''}`)
      const url = textOrNothing(memberOf(dist, 'tarball'))
      if (integrity === undefined || url === undefined) throw new TypeError('the registry does not say where it is')
      return { name, version, integrity, url }
    } catch (error) {
      this.#options.signal.throwIfAborted()
      const message = `Cannot ask ${shown(address)} for "${name}@${version}": ${reasonOf(error)}`
      throw new BuildError('PACKAGE_UNAVAILABLE', message, { cause: error })
    }
  }

  /** The registry that is set for a package, else the one that npm itself would ask. */
  async #registryOf(name: string): Promise<string> {
    const set = this.#options.settings.registryOf(name)
    if (set !== undefined) return set
    this.#npmRegistry ??= askNpm(this.#options.signal)
    return this.#npmRegistry
  }

  /** Fetches a package into a file, verified and whole, from where it is found first. @throws BuildError PACKAGE_UNAVAILABLE, PACKAGE_INVALID */
  async fetch(resolved: ResolvedPackage, target: FetchTarget): Promise<void> {
    const { name, url } = resolved
    const registry = url === undefined ? await this.#registryOf(name) : this.#options.settings.registryOf(name)
    const addresses = addressesOf(resolved, registry)
    for (const [index, address] of addresses.entries()) {
      try {
        return await this.#fetchFrom(resolved, address, target)
      } catch (error) {
        this.#options.signal.throwIfAborted()
        if (!(error instanceof BuildError) || index === addresses.length - 1) throw error
      }
    }
  }

  async #fetchFrom({ name, version }: ResolvedPackage, url: string, { file, expected }: FetchTarget): Promise<void> {
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
            `Cannot fetch "${name}@${version}" from ${shown(url)}: ${reasonOf(error)}`,
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
}

/** The registry that the host's npm asks when nothing is set. @throws BuildError PACKAGE_UNAVAILABLE */
async function askNpm(signal: AbortSignal): Promise<string> {
  try {
    const { stdout } = await run('npm', ['config', 'get', 'registry'], { signal })
    return stdout.trim().replace(/\/?$/, '/')
  } catch (cause) {
    signal.throwIfAborted()
    throw new BuildError('PACKAGE_UNAVAILABLE', `Cannot tell where packages come from: ${reasonOf(cause)}`, {
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

/** An address without a password. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}
