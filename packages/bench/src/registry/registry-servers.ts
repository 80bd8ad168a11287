import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { exitOf, start } from '@gantry/process'
import { BenchError } from '../bench-error.ts'

/** A registry that is measured. Disposing of it ends it and removes what it holds. */
export interface RegistryServer extends AsyncDisposable {
  /** `127.0.0.1:40123`. */
  readonly address: string
  /** What goes before the names of its upstream. */
  readonly prefix: string
}

/** How a registry is started. */
export interface RegistryPlace {
  /** A directory of its own, which is emptied. */
  readonly directory: string
  /** The registry that it caches, `host:port`. */
  readonly upstream?: string
}

/** One of those that are measured. */
export interface RegistrySide {
  readonly name: string
  start(place: RegistryPlace): Promise<RegistryServer>
}

const top = resolve(import.meta.dirname, '../../../..')

/** Gantry as users start it: `gantry registry serve`, out of the bundle if there is one. */
export function gantryRegistry(options: { readonly source: boolean }): RegistrySide & { readonly runs: string } {
  const bundled = !options.source && existsSync(join(top, 'dist/cli.cjs'))
  return {
    name: 'gantry',
    runs: bundled ? 'bundle' : 'sources',
    async start({ directory, upstream }) {
      const address = await freePort()
      const proxy = upstream === undefined ? [] : ['--proxy', `up=http://${upstream}`]
      const args = ['registry', 'serve', '--addr', address, '--log-level', 'error', ...proxy]
      const env = { GANTRY_ROOT: directory, ...(bundled ? { GANTRY_BUNDLE: '1' } : {}) }
      return running({ words: [join(top, 'gantry'), ...args], env, address, directory, prefix: 'up/' })
    },
  }
}

/** docker-registry with its files in a directory, and its log as quiet as Gantry's. */
export const dockerRegistry: RegistrySide = {
  name: 'docker-registry',
  async start({ directory, upstream }) {
    const address = await freePort()
    const configuration = `${directory}.yml`
    const proxy = upstream === undefined ? '' : `proxy: { remoteurl: "http://${upstream}" }\n`
    const storage = `storage:\n  filesystem: { rootdirectory: ${directory} }\n  delete: { enabled: true }\n`
    await mkdir(directory, { recursive: true })
    await writeFile(
      configuration,
      `version: 0.1\nlog: { level: error }\n${storage}${proxy}http: { addr: "${address}" }\n`,
    )
    return running({ words: ['docker-registry', 'serve', configuration], env: {}, address, directory, prefix: '' })
  },
}

interface Running {
  readonly words: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly address: string
  readonly directory: string
  readonly prefix: string
}

async function running({ words, env, address, directory, prefix }: Running): Promise<RegistryServer> {
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  const [program = '', ...rest] = words
  const child = start(program, rest, { stdio: 'ignore', env: { ...process.env, ...env } })
  const ended = exitOf(child)
  ended.catch(() => undefined)
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended.catch(() => undefined)
    await rm(directory, { recursive: true, force: true })
  }
  for (let tries = 0; tries < 600 && child.exitCode === null; tries++) {
    const answer = await fetch(`http://${address}/v2/`).catch(() => undefined)
    if (answer?.ok === true) return { address, prefix, [Symbol.asyncDispose]: stop }
    await sleep(50)
  }
  await stop()
  throw new BenchError('PEER_FAILED', `Cannot start "${words.join(' ')}": no answer at ${address}`)
}

function freePort(): Promise<string> {
  return new Promise((resolved, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolved(`127.0.0.1:${port}`))
    })
  })
}
