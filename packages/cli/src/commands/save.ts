import type { Command } from '../command.ts'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { openImages } from '../content.ts'
import { text } from '../flags/flag.ts'

/** `gantry save` */
export const save: Command = defineCommand({
  name: 'save',
  aliases: ['image save'],
  summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  arguments: [1],
  flags: { output: text('Write to a file, instead of STDOUT', { short: 'o' }) },
  async run({ context, flags, args }) {
    if (flags.output === undefined && context.out.isTerminal) {
      throw new CliError('FAILED', 'Cannot save to a terminal: an archive is no text', {
        hint: 'Use the -o flag or redirect',
      })
    }
    const store = await openImages(context)
    const archive = store.save(args, { signal: context.signal })
    if (flags.output === undefined) {
      for await (const chunk of archive) await context.out.stream(chunk)
      return
    }
    // Written beside its place and renamed: what stands under the name is whole.
    const unfinished = `${flags.output}.${process.pid}.unfinished`
    try {
      await pipeline(archive, createWriteStream(unfinished, { mode: 0o600 }))
      await rename(unfinished, flags.output)
    } catch (error) {
      await rm(unfinished, { force: true })
      throw error
    }
  },
})
