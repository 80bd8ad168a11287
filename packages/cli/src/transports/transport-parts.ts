import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createCodec, type NodeCodec } from '@gantry/codec'
import type { ContentWorld } from '@gantry/daemon'
import { formatReference, normalizePlatform, parseReference, type Platform } from '@gantry/oci'
import { createRegistryClient, type RegistryClient } from '@gantry/registry-client'
import { CliError } from '../cli-error.ts'
import { openContent } from '../content.ts'
import type { Context } from '../context.ts'

interface Parts {
  content?: Promise<ContentWorld | undefined>
  client?: RegistryClient
  codec?: NodeCodec
}

/** What the places named by one command share: a copy within a registry can mount, and tokens are asked for once. */
const parts = new WeakMap<Context, Parts>()

function partsOf(context: Context): Parts {
  const known = parts.get(context) ?? {}
  parts.set(context, known)
  return known
}

/** The codec for a command; it ends with it. */
export function codecOf(context: Context): NodeCodec {
  const known = partsOf(context)
  if (known.codec !== undefined) return known.codec
  const codec = createCodec()
  context.defer(() => codec.close())
  return (known.codec = codec)
}

/** The client of registries for a command. */
export function clientOf(context: Context): RegistryClient {
  const known = partsOf(context)
  return (known.client ??= createRegistryClient({ codec: codecOf(context) }))
}

/**
 * The content of the root for a command, opened once.
 *
 * @throws {CliError} NOT_ROOT: it belongs to the daemon
 */
export async function contentOf(context: Context): Promise<ContentWorld> {
  const known = partsOf(context)
  const world = await (known.content ??= openContent(context))
  if (world !== undefined) return world
  throw new CliError(
    'NOT_ROOT',
    'Cannot use the local store: the root belongs to the daemon, and this user may not write to it',
    {
      hint: 'Run it as root, or name a root of your own with --root',
    },
  )
}

/** Whether the content of the root can be opened in this process; opens it. */
export async function isContentHere(context: Context): Promise<boolean> {
  const known = partsOf(context)
  return (await (known.content ??= openContent(context))) !== undefined
}

/** As {@link contentOf}, but undefined when there is no content yet, or none that this user may open. */
export async function contentIfThere(context: Context): Promise<ContentWorld | undefined> {
  const known = partsOf(context)
  if (known.content === undefined && !existsSync(join((await context.site()).root, 'state.db'))) return undefined
  return (known.content ??= openContent(context))
}

/** The name beside a full name, in its repository, that has this tag. */
export function siblingOf(name: string, tag: string): string {
  const { registry, repository } = parseReference(name)
  return formatReference({ registry, repository, tag })
}

/** What this machine runs. */
export function platformOfHost(): Platform {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' }
  return normalizePlatform({ os: 'linux', architecture: names[process.arch] ?? process.arch })
}
