import type { Command } from '../command.ts'
import { createApiKey, listApiKeys, revokeApiKey } from '@gantry/registry'
import type { KeyRule } from '@gantry/registry'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { list, text } from '../flags/flag.ts'
import { listFormat } from '../format/format-flag.ts'
import { printRows } from '../format/print-rows.ts'
import { durationFlag } from '../registry/duration-flag.ts'
import { openRegistryWorld } from '../registry/open-registry-world.ts'

const actions = ['pull', 'push', 'delete', '*'] as const

/** `gantry registry key` */
export const registryKey: Command = defineCommand({
  name: 'registry key',
  summary: 'Make, list and revoke API keys',
  usage: 'create|ls|rm [OPTIONS] [NAME...]',
  details: `create NAME prints the key, which is shown nowhere again: send it as the password, with any user name.
ls lists them; rm NAME revokes them at once. A registry that was open to everybody asks for keys from its next start, or SIGHUP, on.`,
  arguments: [1],
  flags: {
    allow: list('What the key may do, such as "team/**:pull,push"', { type: 'pattern:actions' }),
    user: text('Whose it is: it may do no more than the user may'),
    expires: durationFlag('How long it counts, such as 90d'),
    format: listFormat(),
  },
  async run({ context, flags, args }) {
    const [verb = '', ...names] = args
    const { state } = await openRegistryWorld(context, 'change API keys')
    if (verb === 'ls') {
      printRows(
        context.out,
        listApiKeys(state),
        {
          ID: ['ID', ({ id }) => id],
          Name: ['NAME', ({ name }) => name],
          User: ['USER', ({ user }) => user ?? ''],
          Allow: ['ALLOW', ({ rules }) => (rules ?? []).map((rule) => show(rule)).join(' ')],
          Created: ['CREATED', ({ created }) => timeOf(created)],
          Expires: ['EXPIRES', ({ expires }) => timeOf(expires)],
          Used: ['LAST USED', ({ used }) => timeOf(used)],
        },
        { format: flags.format, shown: ['ID', 'Name', 'User', 'Allow', 'Expires', 'Used'] },
      )
      return 0
    }
    if (names.length === 0) throw new CliError('INVALID', `Cannot ${verb} a key: it has no name`)
    if (verb === 'create') {
      for (const name of names) {
        const { secret } = createApiKey(state, {
          name,
          ...(flags.user === undefined ? {} : { user: flags.user }),
          ...(flags.allow.length === 0 ? {} : { rules: flags.allow.map((each) => parseRule(each)) }),
          ...(flags.expires === undefined ? {} : { expires: Date.now() + flags.expires }),
        })
        context.out.write(`${secret}\n`)
      }
      return 0
    }
    if (verb !== 'rm') throw new CliError('INVALID', `Cannot do "${verb}" to keys: it is one of create, ls, rm`)
    const missing = names.filter((name) => !revokeApiKey(state, name))
    for (const name of missing) context.err.write(`gantry: Cannot revoke "${name}": there is no such key\n`)
    if (missing.length < names.length && listApiKeys(state).length === 0) {
      context.err.write(
        'Warning: no key is left; a registry without a password file, rules or "keys": true is open to everybody from its next start on\n',
      )
    }
    return missing.length === 0 ? 0 : 1
  },
})

function parseRule(given: string): KeyRule {
  const colon = given.lastIndexOf(':')
  const words = given.slice(colon + 1).split(',')
  const found = words.map((word) => actions.find((action) => action === word))
  const known = found.filter((action) => action !== undefined)
  if (colon > 0 && known.length === words.length) return { repositories: [given.slice(0, colon)], actions: known }
  throw new CliError('INVALID', `Cannot allow "${given}": it is not PATTERN:ACTIONS, such as "team/**:pull,push"`)
}

function show({ repositories, actions: allowed }: KeyRule): string {
  return `${repositories.join(',')}:${allowed.join(',')}`
}

function timeOf(milliseconds: number | undefined): string {
  return milliseconds === undefined ? '' : new Date(milliseconds).toISOString()
}
