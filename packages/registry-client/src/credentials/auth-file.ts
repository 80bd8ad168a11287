import { readFile } from 'node:fs/promises'
import { RegistryError } from '../registry-error.ts'
import type { Credential } from './credential.ts'

/** What a docker `config.json` or a podman `auth.json` says, as far as it is about credentials. */
export interface AuthFile {
  /** For messages: a path, or the name of a variable. */
  readonly source: string
  /** Everything in it, for who writes it again. */
  readonly value: Readonly<Record<string, unknown>>
}

/** Where Docker keeps Docker Hub's. */
const hubKey = 'https://index.docker.io/v1/'

/** The keys under which a registry's credentials may be, the best first: Docker Hub has a historical one, others had schemes. */
export function keysOf(registry: string): readonly string[] {
  if (isHub(registry)) return [hubKey, 'docker.io', 'index.docker.io', 'registry-1.docker.io']
  return [registry, `https://${registry}`, `http://${registry}`, `https://${registry}/v1/`, `https://${registry}/v2/`]
}

/** Whether people mean Docker Hub. */
export function isHub(registry: string): boolean {
  return ['docker.io', 'index.docker.io', 'registry-1.docker.io', hubKey].includes(registry)
}

/**
 * Reads a file.
 *
 * @returns undefined when it is not there
 * @throws {RegistryError} CREDENTIALS, without showing what is in it
 */
export async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new RegistryError('CREDENTIALS', `Cannot read ${JSON.stringify(path)}: check its permissions`, {
      cause: error,
    })
  }
  return text.trim() === '' ? { source: path, value: {} } : parseAuthFile(text, path)
}

/** Reads the text of one. @throws {RegistryError} CREDENTIALS */
export function parseAuthFile(text: string, source: string): AuthFile {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The cause would show a part of the text, which may be a secret.
    throw new RegistryError('CREDENTIALS', `Cannot read ${JSON.stringify(source)}: it is not JSON`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return { source, value: value as Readonly<Record<string, unknown>> }
  }
  throw new RegistryError('CREDENTIALS', `Cannot read ${JSON.stringify(source)}: it is no JSON object`)
}

/** The program that keeps the credentials of a registry, by its short name, and the key it knows them by. */
export function helperOf(
  { value }: AuthFile,
  registry: string,
): { readonly helper: string; readonly key: string } | undefined {
  const helpers = record(value['credHelpers'])
  const keys = keysOf(registry)
  for (const key of [...keys, registry]) {
    const helper = helpers[key]
    if (isText(helper)) return { helper, key: keys[0] ?? key }
  }
  const store = value['credsStore']
  return isText(store) ? { helper: store, key: keys[0] ?? registry } : undefined
}

/** The credential that stands in the file itself. @throws {RegistryError} CREDENTIALS when it cannot be read */
export function credentialIn({ value, source }: AuthFile, registry: string): Credential | undefined {
  const auths = record(value['auths'])
  for (const key of keysOf(registry)) {
    const found = readAuth(record(auths[key]), source, key)
    if (found !== undefined) return found
  }
  return undefined
}

function readAuth(auth: Readonly<Record<string, unknown>>, source: string, key: string): Credential | undefined {
  const { identitytoken, registrytoken, username, password } = auth
  if (isText(identitytoken)) return { kind: 'identity', token: identitytoken }
  if (isText(registrytoken)) return { kind: 'bearer', token: registrytoken }
  if (isText(username) && isText(password)) return { kind: 'basic', username, password }
  if (!isText(auth['auth'])) return undefined
  const text = Buffer.from(auth['auth'], 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) {
    throw new RegistryError(
      'CREDENTIALS',
      `Cannot read ${JSON.stringify(source)}: "auth" of ${JSON.stringify(key)} is not "user:password" in base64`,
    )
  }
  return { kind: 'basic', username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') }
}

/** A value as an object; what is none has nothing in it. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

/** Whether a value is a text with something in it. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
