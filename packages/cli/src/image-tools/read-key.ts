import { readFile } from 'node:fs/promises'
import { isEncryptedKey, openSigningKey, openVerifyingKey } from '@gantry/codec'
import type { Signer, Verifier } from '@gantry/image'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { askSecret } from '../term/ask.ts'

/** The variables that a passphrase is taken from; cosign's is one of them. */
export const passphraseVariables = ['GANTRY_KEY_PASSPHRASE', 'COSIGN_PASSWORD'] as const

/** Opens the private key of a file; asks for the passphrase of an encrypted one where no variable has it. */
export async function readSigner(context: Context, path: string): Promise<Signer> {
  const text = await readKeyFile(path)
  if (!isEncryptedKey(text)) return openSigningKey(text)
  return openSigningKey(text, { passphrase: await passphraseOf(context, `Passphrase of ${path}: `) })
}

/** Opens the public keys of files, each under the name of its file. */
export async function readVerifiers(paths: readonly string[]): Promise<readonly Verifier[]> {
  const keys: Verifier[] = []
  for (const path of paths) keys.push(openVerifyingKey(await readKeyFile(path), { name: path }))
  return keys
}

/** A passphrase out of the environment, or typed. @throws {CliError} INVALID: there is neither */
export async function passphraseOf(context: Context, question: string): Promise<string> {
  for (const name of passphraseVariables) {
    const value = context.env[name]
    if (value !== undefined) return value
  }
  if (!process.stdin.isTTY) {
    throw new CliError('INVALID', 'Cannot ask for the passphrase: standard input is no terminal', {
      hint: `Give it in ${passphraseVariables.join(' or ')}`,
    })
  }
  return askSecret(question)
}

async function readKeyFile(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw new CliError('FAILED', `Cannot read the key "${path}": ${problem}`, { cause })
  })
}
