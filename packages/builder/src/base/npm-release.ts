import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessError, run } from '@gantry/process'
import type { BaseBuild } from './base-build.ts'
import { BaseError } from './base-error.ts'

/** The npm that comes with the Node image. Its package is verified against this checksum, wherever it comes from. */
export const npmRelease = {
  version: '12.2.0',
  integrity: 'sha512-ZsJjKpTnlmSXOLLXiU1xDCzC4Wlok4IwZmh/aw2KUuXytU7q6qMv/cUT7MoeSf95Slwuw/lRXYefGzGCspHPNQ==',
} as const

/**
 * Fetches npm's own package with the host's npm, which knows the host's registry and proxy, and keeps it for the next time.
 *
 * @returns the path of the package
 * @throws BaseError NPM_UNAVAILABLE, TOOL_MISSING
 */
export async function fetchNpm(build: BaseBuild): Promise<string> {
  const kept = join(build.ports.directory, `npm-${npmRelease.version}.tgz`)
  if ((await integrityOf(kept)) === npmRelease.integrity) return kept
  build.step(`downloading npm ${npmRelease.version}`)
  // A directory of its own, so that two builds at once do not write into one file, and no project's settings apply.
  const directory = join(build.ports.directory, `npm-${String(process.pid)}-${String(Date.now())}`)
  await mkdir(directory, { recursive: true })
  try {
    await packFromNpm(`npm@${npmRelease.version}`, directory, build.options.signal)
    const fetched = join(directory, `npm-${npmRelease.version}.tgz`)
    const found = await integrityOf(fetched)
    if (found !== npmRelease.integrity) {
      const message = `Cannot use the npm ${npmRelease.version} that the registry sent: its checksum is ${found ?? 'none'}, expected ${npmRelease.integrity}`
      throw new BaseError('NPM_UNAVAILABLE', message)
    }
    await rename(fetched, kept)
    return kept
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/**
 * Fetches a package of npm into a directory, as npm names its file. Nothing of it is run or verified.
 *
 * @throws BaseError NPM_UNAVAILABLE, TOOL_MISSING
 */
export async function packFromNpm(spec: string, directory: string, signal?: AbortSignal): Promise<void> {
  const line = ['pack', spec, '--ignore-scripts', '--silent', '--pack-destination', directory]
  // An npm that started this process must not hand its own settings (a workspace, a dry run) to this one.
  const own = Object.entries(process.env).filter(([name]) => !/^npm_(config|package|lifecycle)_/i.test(name))
  const kept = Object.entries(process.env).filter(([name]) =>
    /^npm_config_(registry|cafile|.*proxy|userconfig|cache)$/i.test(name),
  )
  try {
    await run('npm', line, { cwd: directory, env: Object.fromEntries([...own, ...kept]), ...(signal && { signal }) })
  } catch (error) {
    if (!(error instanceof ProcessError) || error.code === 'ABORTED') throw error
    if (error.code === 'NOT_FOUND') {
      const hint = 'apt-get install npm'
      throw new BaseError('TOOL_MISSING', `Cannot fetch ${spec}: npm is not on this machine`, {
        cause: error,
        hint,
      })
    }
    const message = `Cannot fetch ${spec} from the npm registry: ${error.message}`
    throw new BaseError('NPM_UNAVAILABLE', message, { cause: error })
  }
}

/** The checksum of a file as npm writes it; undefined when there is no such file. */
export async function integrityOf(path: string): Promise<string | undefined> {
  const hash = createHash('sha512')
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return `sha512-${hash.digest('base64')}`
}
