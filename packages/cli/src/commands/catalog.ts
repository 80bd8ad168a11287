import type { Command } from '../command.ts'
import { parseReference } from '@gantry/oci'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { boolean, choice } from '../flags/flag.ts'
import { clientOf } from '../transports/transport-parts.ts'

/** `gantry catalog` */
export const catalog: Command = defineCommand({
  name: 'catalog',
  summary: 'List the repositories of a registry',
  usage: '[OPTIONS] REGISTRY',
  arguments: [1, 1],
  flags: {
    format: choice('Output as text (a repository per line) or json', ['text', 'json']),
    'full-ref': boolean('Print the registry with each repository'),
  },
  async run({ context, flags, args: [name = ''] }) {
    const registry = registryOf(name)
    const found: string[] = []
    for await (const repository of clientOf(context).repositories(registry, { signal: context.signal })) {
      const shown = flags['full-ref'] ? `${registry}/${repository}` : repository
      if (flags.format === 'json') found.push(shown)
      else context.out.write(`${shown}\n`)
    }
    if (flags.format === 'json') context.out.write(`${JSON.stringify({ repositories: found })}\n`)
  },
})

/** A registry's host is what stands before a repository, so it is read as one. */
function registryOf(text: string): string {
  const host = text.replace(/^(?:docker|https?):\/\//, '').replace(/\/$/, '')
  try {
    const { registry, repository } = parseReference(`${host}/x`)
    if (registry === host && repository === 'x') return registry
  } catch {
    // Told below.
  }
  if (host === 'docker.io') return host
  throw new CliError(
    'INVALID',
    `Cannot read the registry "${text}": expected a host such as reg.example or localhost:5000`,
  )
}
