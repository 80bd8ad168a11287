import type { Command } from '../command.ts'
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { text as readText } from 'node:stream/consumers'
import { htpasswdEntry, withHtpasswdEntry, withoutHtpasswdUser } from '@gantry/registry'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { boolean, integer } from '../flags/flag.ts'
import { askSecret } from '../term/ask.ts'

/** `gantry registry htpasswd` */
export const registryHtpasswd: Command = defineCommand({
  name: 'registry htpasswd',
  summary: 'Add a user to a password file, or remove one',
  usage: '[OPTIONS] FILE USER',
  details:
    'The password is asked for, or read from standard input. A server that uses the file sees the change within a second.',
  arguments: [2, 2],
  flags: {
    delete: boolean('Remove the user', { short: 'D' }),
    cost: integer('What a guess costs: 2^N rounds of bcrypt', { short: 'C' }),
  },
  async run({ flags, args }) {
    const [file = '', user = ''] = args
    const before = read(file)
    if (flags.delete) {
      const after = withoutHtpasswdUser(before ?? '', user)
      if (after === undefined) throw new CliError('NOT_FOUND', `Cannot remove "${user}": "${file}" has no such user`)
      write(file, after)
      return
    }
    const given = process.stdin.isTTY ? await askSecret('Password: ') : await readText(process.stdin)
    const password = given.replace(/\r?\n$/, '')
    const entry = await htpasswdEntry(user, password, flags.cost === undefined ? {} : { cost: flags.cost })
    write(file, withHtpasswdEntry(before ?? '', entry))
  },
})

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new CliError('FAILED', `Cannot read "${file}": ${String(error)}`, { cause: error })
  }
}

/** Whole or not at all: a server may read it at any time. */
function write(file: string, content: string): void {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0o600
  const temporary = `${file}.${process.pid}`
  writeFileSync(temporary, content, { mode: mode & 0o777 })
  renameSync(temporary, file)
}
