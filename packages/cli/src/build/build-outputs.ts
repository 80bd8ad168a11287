import type { BuildResult } from '@gantry/builder'
import type { ContentWorld } from '@gantry/daemon'
import { resolve } from 'node:path'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { parseCsvOptions } from './parse-csv-options.ts'

/** Where the result of a build goes besides the store. */
export type BuildOutput = { readonly kind: 'store' } | PushOutput | ArchiveOutput | FilesOutput

interface PushOutput {
  readonly kind: 'push'
  readonly name: string | undefined
}

interface ArchiveOutput {
  readonly kind: 'oci' | 'docker'
  readonly path: string
}

interface FilesOutput {
  readonly kind: 'tar' | 'local'
  readonly path: string
}

/** `--output type=…,dest=…`, or a path: `-` for a tar on standard output, else a directory. @throws CliError INVALID */
export function parseOutput(text: string): BuildOutput {
  if (text === '-') return { kind: 'tar', path: '-' }
  if (!text.includes('=')) return { kind: 'local', path: resolve(text) }
  const options = parseCsvOptions('output', text, ['type', 'dest', 'name', 'push'])
  const type = options.get('type') ?? ''
  const path = options.get('dest')
  switch (type) {
    case 'image':
      return options.get('push') === 'true' ? { kind: 'push', name: options.get('name') } : { kind: 'store' }
    case 'registry':
      return { kind: 'push', name: options.get('name') }
    case 'local':
      return { kind: 'local', path: resolve(needed(text, path)) }
    case 'tar':
    case 'oci':
    case 'docker':
      if (type === 'docker' && path === undefined) return { kind: 'store' }
      return { kind: type, path: path === undefined || path === '-' ? '-' : resolve(path) }
    default:
      throw new CliError('INVALID', `Cannot read --output "${text}": there is no type "${type}"`, {
        hint: 'It knows image, registry, local, tar, oci and docker',
      })
  }
}

function needed(text: string, path: string | undefined): string {
  if (path !== undefined && path !== '') return path
  throw new CliError('INVALID', `Cannot read --output "${text}": it has no dest`)
}

/** What outputs are written from. */
export interface BuiltImage {
  readonly world: ContentWorld
  readonly result: BuildResult
}

/** Writes the result of a build to where it was asked for. */
export async function writeOutput(context: Context, { world, result }: BuiltImage, output: BuildOutput): Promise<void> {
  if (output.kind === 'store') return
  if (isFiles(output)) return writeFiles(context, { world, result }, output)
  const { copyImage } = await import('../transports/copy-image.ts')
  const { openSource } = await import('../transports/open-source.ts')
  const { openSink } = await import('../transports/open-sink.ts')
  for (const name of destinations(result, output)) {
    await using source = await openSource(context, `store:${result.tags[0] ?? result.digest}`)
    await using sink = await openSink(context, name)
    await copyImage(
      context,
      { source, sink },
      {
        all: output.kind !== 'docker',
        // What was attached goes along, where its form has room for it.
        referrers: result.attestations !== undefined && output.kind !== 'docker',
      },
    )
  }
}

function isFiles(output: BuildOutput): output is FilesOutput {
  return output.kind === 'tar' || output.kind === 'local'
}

function destinations({ tags }: BuildResult, output: PushOutput | ArchiveOutput): readonly string[] {
  if (output.kind === 'push') {
    const names = output.name === undefined ? tags : [output.name]
    if (names.length > 0) return names.map((name) => `docker://${name}`)
    throw new CliError('INVALID', 'Cannot push what was built: it has no name', { hint: 'Give it one with -t' })
  }
  const kind = output.kind === 'oci' ? 'oci-archive' : 'docker-archive'
  const [first] = tags
  return [`${kind}:${output.path}${first === undefined ? '' : `:${first}`}`]
}

async function writeFiles(context: Context, { world, result }: BuiltImage, output: FilesOutput): Promise<void> {
  const { exportTar, openImage } = await import('@gantry/image')
  const { store, codec, host } = world
  const platform = { os: 'linux', architecture: host.arch }
  const image = await openImage(store, result.descriptor, { codec, platform, signal: context.signal })
  const body = exportTar(image, { signal: context.signal })
  if (output.kind === 'tar') {
    const { writeWhole } = await import('../transports/write-whole.ts')
    return writeWhole(context, output.path, body)
  }
  const { mkdir } = await import('node:fs/promises')
  const { extractArchive } = await import('@gantry/snapshot')
  await mkdir(output.path, { recursive: true })
  return extractArchive(body, output.path)
}
