import type { Command } from '../command.ts'
import { editConfig, mapImages, mutate as mutateImage } from '@gantry/image'
import { parsePlatform } from '@gantry/oci'
import { defineCommand } from '../command.ts'
import { boolean, list, text } from '../flags/flag.ts'
import { commandWords, keyed, momentText, removable } from '../image-tools/config-flags.ts'
import { openResult, printResult, resultDetails, tagFlag, writeResult } from '../image-tools/result.ts'
import { openSource } from '../transports/open-source.ts'
import { transportHelp } from '../transports/parse-transport.ts'
import { codecOf } from '../transports/transport-parts.ts'

/** `gantry mutate` */
export const mutate: Command = defineCommand({
  name: 'mutate',
  aliases: ['image mutate'],
  summary: 'Change the configuration of an image, without its layers being read',
  usage: '[OPTIONS] IMAGE',
  details: `${transportHelp}

${resultDetails}
Of an image for several platforms every one is changed, unless --platform chooses one. Variables, labels, ports, volumes
and annotations are taken away with a "-" behind their name (--env DEBUG-, --expose 80-); entrypoint, command, user and
working directory with an empty text. Commands are words, or a JSON list. The same change of the same image makes the same
digest.`,
  arguments: [1, 1],
  flags: {
    annotation: list('Annotation of the manifest to set (NAME=VALUE) or take away (NAME-)', { short: 'a' }),
    author: text('Author'),
    cmd: text('Command'),
    created: text('Time of creation: RFC 3339, seconds since 1970', { type: 'time' }),
    entrypoint: text('Entrypoint; takes the command of before away'),
    env: list('Variable to set (NAME=VALUE) or take away (NAME-)', { short: 'e' }),
    expose: list('Port to add (80, 53/udp) or take away (80-)'),
    label: list('Label to set (NAME=VALUE) or take away (NAME-)', { short: 'l' }),
    platform: text('Change only the image for this platform (os/arch[/variant])'),
    quiet: boolean('Print the digest only', { short: 'q' }),
    'set-platform': text('The platform that the image says it is for'),
    'stop-signal': text('Signal that stops a container'),
    tag: tagFlag(),
    user: text('User', { short: 'u' }),
    volume: list('Volume to add, or take away (/data-)'),
    workdir: text('Working directory', { short: 'w' }),
  },
  async run({ context, flags, args: [name = ''] }) {
    const annotations = keyed('annotation', flags.annotation)
    const edits = {
      env: keyed('variable', flags.env),
      labels: keyed('label', flags.label),
      expose: removable(flags.expose),
      volumes: removable(flags.volume),
      ...(flags.entrypoint === undefined ? {} : { entrypoint: commandWords(flags.entrypoint) }),
      ...(flags.cmd === undefined ? {} : { cmd: commandWords(flags.cmd) }),
      ...(flags.user === undefined ? {} : { user: flags.user }),
      ...(flags.workdir === undefined ? {} : { workdir: flags.workdir }),
      ...(flags['stop-signal'] === undefined ? {} : { stopSignal: flags['stop-signal'] }),
      ...(flags.author === undefined ? {} : { author: flags.author }),
      ...(flags['set-platform'] === undefined ? {} : { platform: parsePlatform(flags['set-platform']) }),
      ...(flags.created === undefined ? {} : { created: momentText(flags.created) }),
    }
    await using source = await openSource(context, name)
    await using place = await openResult(context, { to: flags.tag, from: source, compression: undefined })
    const codec = codecOf(context)
    const view = await mapImages(source.blobs, source.descriptor, {
      codec,
      sparse: source.transport.kind !== 'registry',
      signal: context.signal,
      ...(flags.platform === undefined ? {} : { platform: parsePlatform(flags.platform) }),
      change: (image) =>
        mutateImage(
          image,
          {
            config: (config) => editConfig(config, edits),
            annotations: Object.fromEntries(Object.entries(annotations).map(([key, value]) => [key, value ?? ''])),
          },
          codec,
        ),
    })
    const { digest } = await writeResult(context, place, { view, from: source })
    printResult(context, place, { digest, quiet: flags.quiet })
  },
})
