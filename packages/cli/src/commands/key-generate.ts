import type { Command } from '../command.ts'
import { writeFile } from 'node:fs/promises'
import { generateSigningKey } from '@gantry/codec'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { boolean, choice, text } from '../flags/flag.ts'
import { passphraseOf } from '../image-tools/read-key.ts'

/** `gantry key generate` */
export const keyGenerate: Command = defineCommand({
  name: 'key generate',
  summary: 'Make a key pair for signing images',
  usage: '[OPTIONS]',
  details: `Writes PREFIX.key, which only its owner may read, and PREFIX.pub. The private key is encrypted in the way cosign does, so that it
can use it as well; its passphrase is asked for, or taken from GANTRY_KEY_PASSPHRASE or COSIGN_PASSWORD. What is there is not
overwritten.`,
  arguments: [0, 0],
  flags: {
    'output-prefix': text('What the names of the files begin with', { short: 'o', initial: 'gantry' }),
    plain: boolean('Do not encrypt the private key'),
    type: choice('ecdsa-p256, which everybody verifies, or ed25519', ['ecdsa-p256', 'ed25519'], {
      initial: 'ecdsa-p256',
    }),
  },
  async run({ context, flags }) {
    const prefix = flags['output-prefix'] ?? 'gantry'
    const passphrase = flags.plain ? undefined : await passphraseOf(context, 'Passphrase for the private key: ')
    const pair = generateSigningKey({
      ...(flags.type === undefined ? {} : { type: flags.type }),
      ...(passphrase === undefined ? {} : { passphrase }),
    })
    for (const [path, content, mode] of [
      [`${prefix}.key`, pair.privateKey, 0o600],
      [`${prefix}.pub`, pair.publicKey, 0o644],
    ] as const) {
      await writeFile(path, content, { mode, flag: 'wx' }).catch((cause: unknown) => {
        const problem = cause instanceof Error ? cause.message : String(cause)
        throw new CliError('FAILED', `Cannot write "${path}": ${problem}`, { cause })
      })
      context.out.write(`${path}\n`)
    }
  },
})
