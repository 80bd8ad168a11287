import type { Command } from '../command.ts'
import { createReadStream } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { openImages } from '../content.ts'
import { boolean, text } from '../flags/flag.ts'
import { progressFlag } from '../progress/progress-flag.ts'
import { showTransfer } from '../progress/show-transfer.ts'

/** `gantry load` */
export const load: Command = defineCommand({
  name: 'load',
  aliases: ['image load'],
  summary: 'Load an image from a tar archive or STDIN',
  usage: '[OPTIONS]',
  details: `Takes archives of "docker save" of any age, of podman and skopeo, and OCI archives, plain or compressed with gzip or zstd.
Without --input, or with -, it reads STDIN.`,
  arguments: [0, 0],
  flags: {
    input: text('Read from tar archive file, instead of STDIN', { short: 'i' }),
    progress: progressFlag,
    quiet: boolean('Suppress the load output', { short: 'q' }),
  },
  async run({ context, flags }) {
    const input = flags.input === '-' ? undefined : flags.input
    if (input === undefined && process.getBuiltinModule('node:tty').isatty(0)) {
      throw new CliError('FAILED', 'Cannot load from a terminal: an archive is no text', {
        hint: 'Use the -i flag or redirect',
      })
    }
    if (input !== undefined) await readable(input)
    const store = await openImages(context)
    const body: AsyncIterable<Uint8Array> =
      input === undefined ? process.stdin : createReadStream(input, { highWaterMark: 1 << 20 })
    const { quiet, progress } = flags
    await showTransfer(store.load(body, { signal: context.signal }), context.out, { quiet, progress })
  },
})

async function readable(path: string): Promise<void> {
  await access(path, constants.R_OK).catch((cause: unknown) => {
    throw new CliError('FAILED', `Cannot load "${path}": ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  })
}
