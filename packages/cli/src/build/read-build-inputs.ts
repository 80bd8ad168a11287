import type { SecretSource, SshSource } from '@gantry/builder'
import { resolve } from 'node:path'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { parseCsvOptions } from './parse-csv-options.ts'

type Environment = Context['env']

/** `--secret id=ID[,src=FILE|,env=NAME]`; without either, a variable of that name, else a file. @throws CliError INVALID */
export function readSecrets(entries: readonly string[], env: Environment): Record<string, SecretSource> {
  return Object.fromEntries(
    entries.map((entry): [string, SecretSource] => {
      const options = parseCsvOptions('secret', entry, ['id', 'src', 'source', 'env', 'type'])
      const type = options.get('type')
      const name = options.get('env')
      const path = options.get('src') ?? options.get('source')
      const id = options.get('id') ?? name ?? path?.split('/').at(-1) ?? ''
      if (id === '') throw new CliError('INVALID', `Cannot read --secret "${entry}": it has no id`)
      if (type !== undefined && type !== 'file' && type !== 'env') {
        throw new CliError('INVALID', `Cannot read --secret "${entry}": type is file or env, not "${type}"`)
      }
      const variable = name ?? (type === 'env' ? (path ?? id) : undefined)
      if (variable !== undefined) return [id, fromVariable(id, variable, env)]
      if (path === undefined && env[id] !== undefined && type !== 'file') return [id, fromVariable(id, id, env)]
      return [id, { path: resolve(path ?? id) }]
    }),
  )
}

function fromVariable(id: string, name: string, env: Environment): SecretSource {
  const value = env[name]
  if (value !== undefined) return { value: new TextEncoder().encode(value) }
  throw new CliError('INVALID', `Cannot give the secret "${id}": the variable ${name} is not set`)
}

/** `--ssh ID` or `--ssh ID=SOCKET|KEY[,KEY]`; without a path, the agent of SSH_AUTH_SOCK. @throws CliError INVALID */
export async function readAgents(entries: readonly string[], env: Environment): Promise<Record<string, SshSource>> {
  const { stat } = await import('node:fs/promises')
  const agents: Record<string, SshSource> = {}
  for (const entry of entries) {
    const equals = entry.indexOf('=')
    const id = equals === -1 ? entry : entry.slice(0, equals)
    const paths = equals === -1 ? [] : entry.slice(equals + 1).split(',')
    const [first] = paths
    const own = env['SSH_AUTH_SOCK'] ?? ''
    if (first === undefined && own === '') {
      throw new CliError('INVALID', `Cannot give the SSH agent "${id}": SSH_AUTH_SOCK is not set`, {
        hint: 'Start an agent, or name a key: --ssh default=~/.ssh/id_ed25519',
      })
    }
    const found = await stat(first ?? own).catch(() => undefined)
    if (found === undefined)
      throw new CliError('INVALID', `Cannot give the SSH agent "${id}": there is no "${first ?? own}"`)
    agents[id] = found.isSocket() ? { socket: resolve(first ?? own) } : { keys: paths.map((path) => resolve(path)) }
  }
  return agents
}

/** `NAME=VALUE` entries of a flag, such as contexts and annotations. @throws CliError INVALID */
export function readPairs(flag: string, entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const equals = entry.indexOf('=')
      if (equals < 1) throw new CliError('INVALID', `Cannot read --${flag} "${entry}": it is not NAME=VALUE`)
      return [entry.slice(0, equals), entry.slice(equals + 1)]
    }),
  )
}

/** `--add-host NAME:ADDRESS` or `NAME=ADDRESS`. @throws CliError INVALID */
export function readHosts(entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const [, name = '', written = ''] = /^([\w.-]+)[:=](.+)$/.exec(entry) ?? []
      const address = written.replace(/^\[(.*)\]$/, '$1')
      if (!/^[0-9a-f.:]+$/i.test(address)) {
        throw new CliError('INVALID', `Cannot read --add-host "${entry}": it is not NAME:ADDRESS`)
      }
      return [name, address]
    }),
  )
}
