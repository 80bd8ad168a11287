import type { Command } from '../command.ts'
import { runBuild } from '../build/run-build.ts'
import { defineCommand } from '../command.ts'
import { boolean, choice, list, text } from '../flags/flag.ts'

/** `gantry build` */
export const build: Command = defineCommand({
  name: 'build',
  aliases: ['image build'],
  summary: 'Build an image from a Dockerfile',
  usage: '[OPTIONS] PATH',
  arguments: [1, 1],
  flags: {
    'build-arg': list('Set build-time variables'),
    file: text('Name of the Dockerfile (default: "PATH/Dockerfile")', { short: 'f' }),
    iidfile: text('Write the image ID to a file'),
    label: list('Set metadata for an image'),
    'no-cache': boolean('Do not use cache when building the image'),
    platform: text('Set target platform for build'),
    progress: choice(
      'Set type of progress output ("auto", "quiet", "plain", "tty", "json")',
      ['auto', 'quiet', 'plain', 'tty', 'json'],
      { initial: 'auto' },
    ),
    pull: boolean('Always attempt to pull all referenced images'),
    quiet: boolean('Suppress the build output and print image ID on success', { short: 'q' }),
    tag: list('Name and optionally a tag (format: "name:tag")', { short: 't' }),
    target: text('Set the target build stage to build'),
  },
  run: ({ context, flags, args: [directory = '.'] }) => runBuild(context, flags, directory),
})
