import type { BaseEvent, BaseName } from '@gantry/builder'
import type { Command } from '../command.ts'
import type { Output } from '../output.ts'
import { buildBase } from '@gantry/builder'
import { join } from 'node:path'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { openContent } from '../content.ts'
import { boolean, text } from '../flags/flag.ts'
import { shortDuration } from '../format/human-duration.ts'

const names: readonly BaseName[] = ['debian', 'busybox', 'node']

/** `gantry base build` */
export const baseBuild: Command = defineCommand({
  name: 'base build',
  summary: 'Build a base image',
  usage: `[OPTIONS] ${names.join('|')}`,
  details: "Made from the packages of the host's own distribution; equal packages make equal images.",
  arguments: [1, 1],
  flags: {
    force: boolean('Make the image even if it is there, of the same packages', { short: 'f' }),
    mirror: text('Address of a mirror that has the release (default: the one this machine uses)', { type: 'url' }),
    quiet: boolean('Print the image ID only', { short: 'q' }),
    suite: text("Release of the distribution (default: this machine's)"),
    tag: text('Name of the image (default: localhost/NAME:latest)', { short: 't' }),
    verbose: boolean('Print what the package tools say', { short: 'v' }),
  },
  async run({ context, flags, args: [wanted = ''] }) {
    const name = names.find((candidate) => candidate === wanted)
    if (name === undefined)
      throw new CliError('INVALID', `Cannot build the base image "${wanted}": there are ${names.join(', ')}`)
    const world = await openContent(context)
    if (world === undefined)
      throw new CliError('NOT_ROOT', 'Cannot build a base image: this user may not write to the root', {
        hint: `Run "sudo gantry base build ${name}", or name a root of your own with --root`,
      })
    const { imageId } = await buildBase(
      name,
      {
        force: flags.force,
        signal: context.signal,
        onEvent: (event) => tell(context.err, event, flags),
        ...(flags.mirror === undefined ? {} : { mirror: flags.mirror }),
        ...(flags.suite === undefined ? {} : { suite: flags.suite }),
        ...(flags.tag === undefined ? {} : { tag: flags.tag }),
      },
      { store: world.store, codec: world.codec, directory: join((await context.site()).root, 'base') },
    )
    if (flags.quiet) context.out.write(`${imageId}\n`)
  },
})

function tell(out: Output, event: BaseEvent, { quiet, verbose }: { quiet: boolean; verbose: boolean }): void {
  if (quiet) return
  switch (event.kind) {
    case 'base-start':
      return out.write(`Building ${event.reference}\n`)
    case 'base-step':
      return out.write(`  ${event.message}\n`)
    case 'base-output':
      return verbose ? out.write(`    ${event.line}\n`) : undefined
    case 'base-done':
      return out.write(
        `${event.upToDate ? 'Up to date:' : 'Built'} ${event.reference} ${event.digest} in ${shortDuration(event.duration)}\n`,
      )
  }
}
