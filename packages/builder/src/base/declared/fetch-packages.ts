import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { access, mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ProcessError, run } from '@gantry/process'
import { BaseError } from '../base-error.ts'
import { publicAddress, type Repository } from '../repository.ts'
import type { LockedPackage } from './base-lock.ts'

/** How locked packages are fetched. */
export interface FetchOptions {
  /** Packages are kept here by digest; made when it is not there. */
  readonly directory: string
  readonly repositories: readonly Repository[]
  readonly signal?: AbortSignal
}

const aptHelper = '/usr/lib/apt/apt-helper'
const keptFor = 60 * 24 * 60 * 60 * 1000

/**
 * Fetches locked packages, verified by their digests, and answers with their paths in the order given. What is there is not
 * fetched again. APT downloads where there is one, with the proxies and credentials of this machine; otherwise HTTP does.
 * Packages that no build has used for 60 days are removed.
 *
 * @throws BaseError PACKAGES_UNAVAILABLE
 */
export async function fetchPackages(
  packages: readonly LockedPackage[],
  options: FetchOptions,
): Promise<readonly string[]> {
  const { directory, repositories } = options
  await mkdir(directory, { recursive: true })
  const place = join(directory, `fetch-${String(process.pid)}-${String(Date.now())}`)
  const pathOf = ({ sha256 }: LockedPackage): string => join(directory, `${sha256}.deb`)
  let missing = await packagesMissing(packages, pathOf)
  const hasApt = await access(aptHelper).then(
    () => true,
    () => false,
  )
  const reasons = new Map<LockedPackage, string>()
  try {
    if (missing.length > 0) await mkdir(place, { recursive: true })
    for (let attempt = 0; missing.length > 0 && attempt < repositories.length; attempt++) {
      const wanted = missing.map((locked) => ({
        locked,
        url: addressOf(locked, candidates(locked, repositories)[attempt]),
        path: join(place, `${locked.sha256}.deb`),
      }))
      await (hasApt ? downloadByApt(wanted, options.signal) : downloadByHttp(wanted, options.signal))
      const still: LockedPackage[] = []
      for (const { locked, path, url } of wanted) {
        const found = await digestOf(path)
        if (found === locked.sha256) await rename(path, pathOf(locked))
        else {
          still.push(locked)
          const what = found === undefined ? 'it is not there' : `it has the SHA-256 ${found}`
          reasons.set(locked, `${publicAddress(url)}: ${what}`)
        }
      }
      missing = still
    }
  } finally {
    await rm(place, { recursive: true, force: true })
  }
  const [gone] = missing
  if (gone !== undefined) {
    const others = missing.length === 1 ? '' : ` (and ${String(missing.length - 1)} others)`
    const message = `Cannot fetch ${gone.name} ${gone.version}${others}, which the lock names: ${reasons.get(gone) ?? 'no repository has it'}`
    throw new BaseError('PACKAGES_UNAVAILABLE', message, {
      hint: 'lock newer versions with "gantry base update", or name a mirror that keeps old ones',
    })
  }
  await removeStale(directory)
  return packages.map(pathOf)
}

interface Wanted {
  readonly locked: LockedPackage
  readonly url: string
  readonly path: string
}

async function packagesMissing(
  packages: readonly LockedPackage[],
  pathOf: (locked: LockedPackage) => string,
): Promise<readonly LockedPackage[]> {
  const missing: LockedPackage[] = []
  const now = new Date()
  for (const locked of packages) {
    if ((await digestOf(pathOf(locked))) === locked.sha256) await utimes(pathOf(locked), now, now)
    else missing.push(locked)
  }
  return missing
}

/** Repositories in the order in which they are tried: those of the suite it was locked from first. */
function candidates({ suite }: LockedPackage, repositories: readonly Repository[]): readonly Repository[] {
  return [...repositories.filter((one) => one.suite === suite), ...repositories.filter((one) => one.suite !== suite)]
}

function addressOf({ filename }: LockedPackage, repository: Repository | undefined): string {
  const path = filename.split('/').map(encodeURIComponent).join('/').replaceAll('%2B', '+')
  return `${(repository?.uri ?? '').replace(/\/$/, '')}/${path}`
}

async function downloadByApt(wanted: readonly Wanted[], signal: AbortSignal | undefined): Promise<void> {
  const args = wanted.flatMap(({ url, path, locked }) => [url, path, `SHA256:${locked.sha256}`])
  try {
    await run(aptHelper, ['-o', 'APT::Sandbox::User=root', 'download-file', ...args], {
      env: { ...process.env, LC_ALL: 'C' },
      ...(signal && { signal }),
    })
  } catch (error) {
    // What did not come is seen by its absence.
    if (!(error instanceof ProcessError) || error.code === 'ABORTED') throw error
  }
}

let usesProxies = false

async function downloadByHttp(wanted: readonly Wanted[], signal: AbortSignal | undefined): Promise<void> {
  // Not imported: that would load all that node:http exports, for every command.
  if (!usesProxies) process.getBuiltinModule('node:http').setGlobalProxyFromEnv()
  usesProxies = true
  const queue = [...wanted]
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      try {
        const response = await fetch(next.url, signal === undefined ? {} : { signal })
        if (response.ok && response.body !== null) await pipeline(response.body, createWriteStream(next.path))
        else await response.body?.cancel()
      } catch (error) {
        signal?.throwIfAborted()
        if (!(error instanceof TypeError)) throw error
      }
    }
  }
  await Promise.all(Array.from({ length: 4 }, worker))
}

async function digestOf(path: string): Promise<string | undefined> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return hash.digest('hex')
}

async function removeStale(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.endsWith('.deb')) continue
    const path = join(directory, name)
    const found = await stat(path).catch(() => undefined)
    if (found !== undefined && Date.now() - found.mtimeMs > keptFor) await rm(path, { force: true })
  }
}
