import type { BaseEvent, BaseName, SbomFormat } from '@gantry/builder'
import type { Command } from '../command.ts'
import { buildBase, buildDeclared, sbomTypes } from '@gantry/builder'
import { dirname, join } from 'node:path'
import { openDeclaration, relock } from '../base/declaration.ts'
import { tellBase } from '../base/tell-base.ts'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { openContent } from '../content.ts'
import { boolean, text } from '../flags/flag.ts'

const names: readonly BaseName[] = ['debian', 'busybox', 'node']

/** `gantry base build` */
export const baseBuild: Command = defineCommand({
  name: 'base build',
  summary: 'Build a base image',
  usage: `[OPTIONS] ${names.join('|')}|FILE`,
  details:
    'Made from the packages of the host\'s own distribution; equal packages make equal images. A FILE such as gantry-base.json\ndeclares an image of packages that are locked (see "gantry base lock"); the lock is made when there is none.',
  arguments: [1, 1],
  flags: {
    force: boolean('Make the image even if it is there, of the same packages', { short: 'f' }),
    mirror: text('Address of a mirror that has the release (default: the one this machine uses)', { type: 'url' }),
    sbom: text('Attach a list of the packages to a declared image: spdx, cyclonedx or none (default: spdx)', {
      type: 'format',
    }),
    quiet: boolean('Print the image ID only', { short: 'q' }),
    suite: text("Release of the distribution (default: this machine's)"),
    tag: text('Name of the image (default: localhost/NAME:latest)', { short: 't' }),
    verbose: boolean('Print what the package tools say', { short: 'v' }),
  },
  async run({ context, flags, args: [wanted = ''] }) {
    const name = names.find((candidate) => candidate === wanted)
    if (name === undefined && !/\.json$|\//.test(wanted))
      throw new CliError('INVALID', `Cannot build the base image "${wanted}": there are ${names.join(', ')}`, {
        hint: `name a file, such as "gantry base build ./gantry-base.json", for an image of your own`,
      })
    const sbom = sbomFormats(flags.sbom)
    const world = await openContent(context)
    if (world === undefined)
      throw new CliError('NOT_ROOT', 'Cannot build a base image: this user may not write to the root', {
        hint: `Run "sudo gantry base build ${wanted}", or name a root of your own with --root`,
      })
    const ports = { store: world.store, codec: world.codec, directory: join((await context.site()).root, 'base') }
    const options = {
      force: flags.force,
      signal: context.signal,
      onEvent: (event: BaseEvent) => tellBase(context.err, event, flags),
      ...(flags.mirror === undefined ? {} : { mirror: flags.mirror }),
      ...(flags.tag === undefined ? {} : { tag: flags.tag }),
    }
    if (name !== undefined) {
      const { imageId } = await buildBase(
        name,
        { ...options, ...(flags.suite === undefined ? {} : { suite: flags.suite }) },
        ports,
      )
      return flags.quiet ? context.out.write(`${imageId}\n`) : undefined
    }
    if (flags.suite !== undefined)
      throw new CliError(
        'INVALID',
        `Cannot use "--suite" with ${wanted}: the release of a declared image is its "suite"`,
      )
    const opened = await openDeclaration(wanted)
    const lock = opened.lock ?? (await relock(context, opened, { ...flags, mirror: flags.mirror, dryRun: false })).lock
    const { imageId } = await buildDeclared(
      opened.declared,
      lock,
      { ...options, sbom, from: dirname(opened.path) },
      ports,
    )
    if (flags.quiet) context.out.write(`${imageId}\n`)
  },
})

function sbomFormats(wanted = 'spdx'): readonly SbomFormat[] {
  const found = wanted.split(',')
  const unknown = found.find((word) => !(word in sbomTypes) && word !== 'none')
  if (unknown !== undefined)
    throw new CliError(
      'INVALID',
      `Cannot attach a list of packages as "${unknown}": there are spdx, cyclonedx and none`,
    )
  return found.filter((word): word is SbomFormat => word in sbomTypes)
}
