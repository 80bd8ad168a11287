import { chmod, mkdir, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Environment } from '../transport/proxy-for.ts'
import { helperOf, keysOf, readAuthFile, record } from './auth-file.ts'
import { dockerConfigPath } from './auth-paths.ts'
import type { Credential } from './credential.ts'
import { eraseFromHelper, storeInHelper } from './helper.ts'

/** Where credentials were put. */
export interface KeptCredential {
  /** The path of docker's `config.json`, or the program that keeps them. */
  readonly place: string
  /** Whether anybody who reads the file can read them. */
  readonly isPlain: boolean
}

/**
 * Keeps the credentials for a registry where docker would: with the helper that docker's `config.json` names for it, else in that
 * file, atomically, readable by this user alone. Everything else in the file stays.
 *
 * @throws {RegistryError} CREDENTIALS
 */
export async function keepCredential(
  registry: string,
  credential: Credential,
  environment: Environment = process.env,
): Promise<KeptCredential> {
  const path = dockerConfigPath(environment)
  const file = (await readAuthFile(path)) ?? { source: path, value: {} }
  const found = helperOf(file, registry)
  const [key = registry] = keysOf(registry)
  const others = withoutKeys(file.value, registry)
  if (found !== undefined) {
    await storeInHelper(found.helper, found.key, credential)
    // As docker does: an empty entry says for which registries the helper has something.
    await write(path, { ...file.value, auths: { ...others, [key]: {} } })
    return { place: `docker-credential-${found.helper}`, isPlain: false }
  }
  await write(path, { ...file.value, auths: { ...others, [key]: entryOf(credential) } })
  return { place: path, isPlain: true }
}

/** Forgets the credentials for a registry, in docker's file and with its helper; whether there were any. @throws {RegistryError} CREDENTIALS */
export async function forgetCredential(registry: string, environment: Environment = process.env): Promise<boolean> {
  const path = dockerConfigPath(environment)
  const file = await readAuthFile(path)
  if (file === undefined) return false
  const found = helperOf(file, registry)
  const erased = found !== undefined && (await eraseFromHelper(found.helper, found.key))
  const before = record(file.value['auths'])
  const after = withoutKeys(file.value, registry)
  const had = Object.keys(after).length < Object.keys(before).length
  if (had) await write(path, { ...file.value, auths: after })
  return had || erased
}

function withoutKeys(value: Readonly<Record<string, unknown>>, registry: string): Readonly<Record<string, unknown>> {
  const keys = keysOf(registry)
  return Object.fromEntries(Object.entries(record(value['auths'])).filter(([key]) => !keys.includes(key)))
}

function entryOf(credential: Credential): Readonly<Record<string, string>> {
  if (credential.kind === 'identity') return { identitytoken: credential.token }
  if (credential.kind === 'bearer') return { registrytoken: credential.token }
  return { auth: Buffer.from(`${credential.username}:${credential.password}`).toString('base64') }
}

async function write(path: string, value: object): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  // Many have their settings elsewhere and a link here.
  const target = await realpath(path).catch(() => path)
  const unfinished = `${target}.${process.pid}.new`
  try {
    await writeFile(unfinished, `${JSON.stringify(value, undefined, '\t')}\n`, { mode: 0o600, flag: 'wx' })
    await chmod(unfinished, 0o600)
    await rename(unfinished, target)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
}
