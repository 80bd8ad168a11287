import type { RegistryAuth } from '@gantry/client'
import { runStatus } from '@gantry/process'

/** Asks `docker-credential-<helper>` for the credentials of a server; undefined when it has none or is not installed. */
export async function askHelper(helper: string, server: string): Promise<RegistryAuth | undefined> {
  if (!/^[\w.-]+$/.test(helper)) return undefined
  const { code, stdout } = await runStatus(`docker-credential-${helper}`, ['get'], {
    input: server,
    timeout: 10_000,
  }).catch(() => ({ code: 1, stdout: '' }))
  if (code !== 0) return undefined
  const answer: unknown = parse(stdout)
  if (typeof answer !== 'object' || answer === null) return undefined
  const username: unknown = Reflect.get(answer, 'Username')
  const password: unknown = Reflect.get(answer, 'Secret')
  if (typeof username !== 'string' || typeof password !== 'string') return undefined
  return username === '<token>'
    ? { identitytoken: password, serveraddress: server }
    : { username, password, serveraddress: server }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
