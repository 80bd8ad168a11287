import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { exitOf, start, which } from '@gantry/process'
import { BaseError } from './base-error.ts'
import type { BaseBuild } from './base-build.ts'
import type { PackageSources } from './choose-sources.ts'
import { formatRepository } from './repository.ts'

/** What a root is installed from. */
export interface DebianRootOptions {
  readonly sources: PackageSources
  /** Packages beyond the distribution's required ones. */
  readonly include: readonly string[]
  /** A directory of packages that were downloaded already. */
  readonly archives: string
  /** Lines of APT's configuration, such as the host's proxy. */
  readonly settings: readonly string[]
  /** Seconds since 1970; nothing in the root is younger. */
  readonly epoch: number
}

/** A root that is being installed. Disposing of it ends what is still at work and removes the directory it worked in. */
export interface DebianRoot extends AsyncDisposable {
  /**
   * The root as a tar, sorted by name; to be read once.
   *
   * @throws from the stream, BaseError ROOT_FAILED
   */
  readonly files: AsyncIterable<Uint8Array>
}

/**
 * Begins to install a minimal root of the distribution with mmdebstrap, in a directory of its own.
 *
 * @throws BaseError TOOL_MISSING
 */
export async function installDebianRoot(build: BaseBuild, options: DebianRootOptions): Promise<DebianRoot> {
  if (which('mmdebstrap') === undefined) {
    const message = `Cannot install a ${options.sources.distribution.id} root: mmdebstrap is not on this machine`
    throw new BaseError('TOOL_MISSING', message, { hint: 'apt-get install mmdebstrap' })
  }
  // /tmp may be small, or mounted without devices, which the root needs while packages are being configured.
  const place = await mkdtemp(join(process.env['TMPDIR'] ?? '/var/tmp', 'gantry-root-'))
  await chmod(place, 0o755)
  const child = start('mmdebstrap', programArguments(build, options), {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: told to end, mmdebstrap ends its whole group.
    detached: true,
    env: {
      ...process.env,
      LC_ALL: 'C',
      SOURCE_DATE_EPOCH: String(options.epoch),
      GANTRY_ARCHIVES: options.archives,
      TMPDIR: place,
    },
  })
  child.ref()
  const ended = exitOf(child)
  ended.catch(() => undefined)
  const complaints: string[] = []
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      complaints.push(line)
      if (complaints.length > 40) complaints.shift()
      build.output(line)
    })
  }
  return {
    files: {
      async *[Symbol.asyncIterator]() {
        if (child.stdout !== null) yield* child.stdout as AsyncIterable<Uint8Array>
        const { code } = await ended
        if (code !== 0) throw failed(complaints, options)
      },
    },
    async [Symbol.asyncDispose]() {
      child.stdout?.destroy()
      // SIGTERM, not SIGKILL: mmdebstrap then takes its own work down.
      if (child.pid !== undefined) await endGroup(child.pid)
      await rm(place, { recursive: true, force: true })
    },
  }
}

// What mmdebstrap has started may outlive it for a moment, still at work in the directory that is about to go.
async function endGroup(group: number): Promise<void> {
  for (let waited = 0; signalGroup(group, waited === 0 ? 'SIGTERM' : waited === 20_000 ? 'SIGKILL' : 0); waited += 20) {
    await sleep(20)
  }
}

function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal)
  } catch {
    return false
  }
}

function programArguments(build: BaseBuild, options: DebianRootOptions): string[] {
  const { sources, include } = options
  const [release] = sources.repositories
  return [
    '--variant=minbase',
    '--format=tar',
    `--mode=${process.getuid?.() === 0 ? 'root' : 'unshare'}`,
    `--architectures=${build.architecture.debian}`,
    `--include=${include.join(',')}`,
    ...options.settings.map((line) => `--aptopt=${line}`),
    // A root that a crash has cut off is thrown away: nothing in it has to be synced to disk file by file.
    '--dpkgopt=force-unsafe-io',
    // What has been downloaded (and verified) is not downloaded again; APT checks it once more.
    '--setup-hook=mkdir -p "$1/var/cache/apt/archives" && cp -- "$GANTRY_ARCHIVES"/*.deb "$1/var/cache/apt/archives/"',
    // Old versions of mmdebstrap have to be told that they may be there.
    '--skip=download/empty',
    '--customize-hook=rm -f "$1"/var/cache/apt/archives/*.deb',
    release?.suite ?? sources.distribution.codename,
    '-',
    ...sources.repositories.map(formatRepository),
  ]
}

function failed(complaints: readonly string[], { sources }: DebianRootOptions): BaseError {
  const { id, codename } = sources.distribution
  const said = complaints.filter((line) => /^(E:|W:|dpkg: error|Err)/.test(line))
  const last = (said.length === 0 ? complaints : said).slice(-4)
  const reason = last.map((line) => line.slice(0, 300)).join('; ')
  return new BaseError('ROOT_FAILED', `Cannot install a root of ${id} ${codename}: mmdebstrap answered ${reason}`)
}
