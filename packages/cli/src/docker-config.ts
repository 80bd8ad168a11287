import type { RegistryAuth } from '@gantry/client'
import { readFileSync } from 'node:fs'
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { CliError } from './cli-error.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The part of docker's config.json that Gantry reads; everything else is kept as it is. */
interface DockerConfig {
  auths?: Record<string, { auth?: string; username?: string; password?: string; identitytoken?: string }>
  credsStore?: string
  credHelpers?: Record<string, string>
}

const hub = 'https://index.docker.io/v1/'

/** Where docker and Gantry keep credentials: `$DOCKER_CONFIG` or `~/.docker`, config.json. */
export function configPath(env: Environment): string {
  return join(env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker'), 'config.json')
}

/** The key docker uses for a registry: Docker Hub has a historical one. */
export function configKey(registry: string): string {
  return ['docker.io', 'index.docker.io', 'registry-1.docker.io', ''].includes(registry) ? hub : registry
}

/**
 * The credentials of a registry: from the helper that config.json names for it, or from config.json itself. Undefined
 * when there are none.
 *
 * @throws CliError FAILED when config.json cannot be read or parsed
 */
export async function credentialsOf(registry: string, env: Environment): Promise<RegistryAuth | undefined> {
  const config = readConfig(env)
  const key = configKey(registry)
  const helper = config.credHelpers?.[registry] ?? config.credHelpers?.[key] ?? config.credsStore
  if (helper !== undefined) {
    const { askHelper } = await import('./credential-helper.ts')
    const found = await askHelper(helper, key)
    if (found !== undefined) return found
  }
  const entry = Object.entries(config.auths ?? {}).find(([name]) => name === key || hostOf(name) === registry)?.[1]
  if (entry === undefined) return undefined
  if (entry.identitytoken !== undefined && entry.identitytoken !== '')
    return { identitytoken: entry.identitytoken, serveraddress: key }
  const decoded = entry.auth === undefined ? undefined : Buffer.from(entry.auth, 'base64').toString()
  const colon = decoded?.indexOf(':') ?? -1
  const username = entry.username ?? (colon < 0 ? undefined : decoded?.slice(0, colon))
  const password = entry.password ?? (colon < 0 ? undefined : decoded?.slice(colon + 1))
  return username === undefined || password === undefined ? undefined : { username, password, serveraddress: key }
}

/** Remembers or (with undefined) forgets credentials, atomically, readable by this user alone. Returns whether there were some. */
export async function storeCredentials(
  registry: string,
  auth: { username: string; password: string } | undefined,
  env: Environment,
): Promise<boolean> {
  const config = readConfig(env)
  const key = configKey(registry)
  const had = config.auths?.[key] !== undefined
  const auths = { ...config.auths }
  if (auth === undefined) delete auths[key]
  else auths[key] = { auth: Buffer.from(`${auth.username}:${auth.password}`).toString('base64') }
  const path = configPath(env)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const unfinished = `${path}.${process.pid}`
  await writeFile(unfinished, `${JSON.stringify({ ...config, auths }, undefined, '\t')}\n`, { mode: 0o600 })
  await chmod(unfinished, 0o600)
  await rename(unfinished, path)
  return had
}

function hostOf(name: string): string {
  return name.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
}

function readConfig(env: Environment): DockerConfig {
  const path = configPath(env)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return {}
    throw new CliError(
      'FAILED',
      `Cannot read the credentials in "${path}": ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  }
  try {
    const value: unknown = text.trim() === '' ? {} : JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Told below: the text of the error would quote the file, and with it a password.
  }
  throw new CliError('FAILED', `Cannot use the credentials in "${path}": the file is not a JSON object`)
}
