import type { Command } from '../command.ts'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { boolean, text } from '../flags/flag.ts'
import { registryOf } from '../registry-of.ts'
import { ask, askSecret, readInput } from '../term/ask.ts'

/** `gantry login` */
export const login: Command = defineCommand({
  name: 'login',
  summary: 'Authenticate to a registry',
  usage: '[OPTIONS] [SERVER]',
  details:
    'The registry is asked whether they are right. They are kept where docker keeps\nthem: by the helper that config.json names, else in that file.\nDefaults to Docker Hub if no server is specified.',
  arguments: [0, 1],
  flags: {
    password: text('Password or Personal Access Token (PAT)', { short: 'p' }),
    'password-stdin': boolean('Take the Password or Personal Access Token (PAT) from stdin'),
    username: text('Username', { short: 'u' }),
  },
  async run({ context, flags, args: [server] }) {
    const registry = registryOf(server)
    if (flags['password-stdin'] && flags.password !== undefined)
      throw new CliError('INVALID', '--password and --password-stdin are mutually exclusive')
    if (flags['password-stdin'] && flags.username === undefined)
      throw new CliError('INVALID', 'Must provide --username with --password-stdin')
    if (flags.password !== undefined)
      context.err.write('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n')
    const isTerminal = process.getBuiltinModule('node:tty').isatty(0)
    if (!isTerminal && !flags['password-stdin'] && (flags.username === undefined || flags.password === undefined)) {
      throw new CliError('FAILED', 'Cannot ask for a name and a password: standard input is no terminal', {
        hint: 'Use --username with --password-stdin',
      })
    }
    const username = flags.username ?? (await ask('Username: '))
    const password = flags['password-stdin']
      ? (await readInput()).replace(/\r?\n$/, '')
      : (flags.password ?? (await askSecret('Password: ')))
    if (username === '' || password === '')
      throw new CliError('FAILED', 'Cannot log in: the name and the password must not be empty')
    const { createRegistryClient, keepCredential } = await import('@gantry/registry-client')
    const credential = { kind: 'basic', username, password } as const
    // Nobody else is told them: a mirror of the registry is another one.
    const credentials = async (asked: string): Promise<typeof credential | undefined> =>
      asked === registry ? credential : undefined
    await createRegistryClient({ credentials, environment: context.env }).check(registry, { signal: context.signal })
    const { place, isPlain } = await keepCredential(registry, credential, context.env)
    if (isPlain) {
      context.err.write(`WARNING! The password is kept unencrypted in "${place}".\n`)
      context.err.write('A credential helper ("credsStore" in that file) keeps it safer.\n')
    }
    context.out.write('Login Succeeded\n')
  },
})
