import { ProcessError, run } from '@gantry/process'
import { RegistryError } from '../registry-error.ts'
import { isText, record } from './auth-file.ts'
import type { Credential } from './credential.ts'

/** Helpers may ask people for something; who does not answer within so many milliseconds is not there. */
const patience = 60_000
const longestAnswer = 1024 * 1024

/**
 * Asks `docker-credential-<helper>` for the credentials of a server. `undefined` when it has none, or is not installed.
 *
 * @throws {RegistryError} CREDENTIALS when it cannot be used; what it wrote is not shown
 * @see https://github.com/docker/docker-credential-helpers/blob/v0.9.3/README.md#development
 */
export async function getFromHelper(helper: string, key: string): Promise<Credential | undefined> {
  let stdout: string
  try {
    stdout = await ask(helper, 'get', key)
  } catch (error) {
    // Helpers say that they have nothing by failing; a helper that is not there has nothing either.
    if (error instanceof ProcessError && (error.code === 'NOT_FOUND' || error.code === 'EXIT')) return undefined
    throw problem(helper, `ask it for the credentials of ${JSON.stringify(key)}`, error)
  }
  let answer: Readonly<Record<string, unknown>>
  try {
    answer = record(JSON.parse(stdout))
  } catch {
    throw new RegistryError('CREDENTIALS', `Cannot use ${programOf(helper)}: its answer is not JSON`)
  }
  const { Username: username, Secret: secret } = answer
  if (!isText(secret)) return undefined
  if (username === '<token>') return { kind: 'identity', token: secret }
  return isText(username) ? { kind: 'basic', username, password: secret } : undefined
}

/** Has a helper keep credentials. @throws {RegistryError} CREDENTIALS */
export async function storeInHelper(helper: string, key: string, credential: Credential): Promise<void> {
  const [username, secret] =
    credential.kind === 'basic' ? [credential.username, credential.password] : ['<token>', credential.token]
  try {
    await ask(helper, 'store', JSON.stringify({ ServerURL: key, Username: username, Secret: secret }))
  } catch (error) {
    throw problem(helper, `have it keep the credentials of ${JSON.stringify(key)}`, error)
  }
}

/** Has a helper forget credentials; whether it had any. @throws {RegistryError} CREDENTIALS when it is not installed */
export async function eraseFromHelper(helper: string, key: string): Promise<boolean> {
  try {
    const had = (await getFromHelper(helper, key)) !== undefined
    await ask(helper, 'erase', key)
    return had
  } catch (error) {
    if (error instanceof ProcessError && error.code === 'EXIT') return false
    throw problem(helper, `have it forget the credentials of ${JSON.stringify(key)}`, error)
  }
}

async function ask(helper: string, verb: 'get' | 'store' | 'erase', input: string): Promise<string> {
  if (!/^[A-Za-z0-9._-]+$/.test(helper)) {
    throw new RegistryError(
      'CREDENTIALS',
      `Cannot use the credential helper ${JSON.stringify(helper)}: that is no name`,
    )
  }
  const settings = { input, env: process.env, timeout: patience, maxOutput: longestAnswer }
  return (await run(programOf(helper), [verb], settings)).stdout
}

function programOf(helper: string): string {
  return `docker-credential-${helper}`
}

/** Without what the program wrote, and without a cause that holds it: it may be a secret. */
function problem(helper: string, doing: string, error: unknown): unknown {
  if (!(error instanceof ProcessError)) return error
  const detail = error.code === 'NOT_FOUND' ? 'it is not installed' : error.code
  return new RegistryError('CREDENTIALS', `Cannot use ${programOf(helper)} to ${doing}: ${detail}`)
}
