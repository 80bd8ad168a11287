import type { Command } from '../command.ts'
import { parseReference } from '@gantry/oci'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { boolean, choice } from '../flags/flag.ts'
import { parseTransport } from '../transports/parse-transport.ts'
import { clientOf, codecOf, contentIfThere } from '../transports/transport-parts.ts'

/** `gantry tags` */
export const tags: Command = defineCommand({
  name: 'tags',
  aliases: ['image tags'],
  summary: 'List the tags of a repository',
  usage: '[OPTIONS] REPOSITORY',
  details: `A REPOSITORY is a registry's (reg.example/app; docker://app), unless store: stands before it or it is under localhost/; oci:DIR lists
the names of a layout directory. Tags that belong to other tags (sha256-<digest> of signatures and referrers) are left out, unless
--all. They are printed in the order the registry gives, or with --sort=version as versions: 1.9 before 1.10.`,
  arguments: [1, 1],
  flags: {
    all: boolean('Tags of signatures and referrers too', { short: 'a' }),
    format: choice('Output as text (a tag per line) or json', ['text', 'json']),
    sort: choice('Order: registry, name or version', ['registry', 'name', 'version']),
  },
  async run({ context, flags, args: [name = ''] }) {
    const found: string[] = []
    for await (const tag of tagsOf(context, name)) {
      if (flags.all || !/^sha(?:256|512)-[0-9a-f]{64}/.test(tag)) found.push(tag)
    }
    const collator = new Intl.Collator('en', { numeric: true })
    if (flags.sort === 'name') found.sort((a, b) => (a < b ? -1 : 1))
    if (flags.sort === 'version') found.sort((a, b) => collator.compare(a, b) || (a < b ? -1 : 1))
    const json = `${JSON.stringify({ name, tags: found })}\n`
    context.out.write(flags.format === 'json' ? json : found.map((tag) => `${tag}\n`).join(''))
  },
})

async function* tagsOf(context: Parameters<Command['run']>[0], name: string): AsyncGenerator<string> {
  const transport = parseTransport(name)
  if ('path' in transport) {
    if (transport.kind !== 'oci') throw new CliError('INVALID', `Cannot list the tags of "${name}": archives have none`)
    const { openLayout } = await import('@gantry/store')
    const layout = await openLayout(transport.path, { codec: codecOf(context) })
    for (const entry of await layout.entries()) if (entry.name !== undefined) yield entry.name
    return
  }
  const reference = parseReference(transport.name)
  if (transport.kind === 'store' || (transport.kind === 'smart' && reference.registry === 'localhost')) {
    const world = await contentIfThere(context)
    for (const { name: each } of world?.store.names() ?? []) {
      const { registry, repository, tag } = parseReference(each)
      if (registry === reference.registry && repository === reference.repository && tag !== undefined) yield tag
    }
    return
  }
  yield* clientOf(context).repository(reference).tags({ signal: context.signal })
}
