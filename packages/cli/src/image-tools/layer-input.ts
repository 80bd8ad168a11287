import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { readTar, writeTar, type TarHeader, type TarInput } from '@gantry/tar'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { codecOf } from '../transports/transport-parts.ts'

/** What is changed of the files that become a layer. */
export interface LayerInputOptions {
  /** The directory they are put into. */
  readonly prefix?: string
  readonly owner?: { readonly uid: number; readonly gid: number }
  /** Seconds since 1970, of every file. */
  readonly mtime?: number
}

/**
 * The tar of a file on the command line: a directory, or a tar archive, perhaps compressed with gzip or zstd; `-` is standard
 * input. An archive of which nothing is changed passes as it is.
 *
 * @throws {CliError} FAILED
 */
export async function layerInput(
  context: Context,
  path: string,
  options: LayerInputOptions = {},
): Promise<AsyncIterable<Uint8Array>> {
  const tar = await openInput(context, path)
  const { prefix, owner, mtime } = options
  if (prefix === undefined && owner === undefined && mtime === undefined) return tar
  return writeTar(changed(tar, options), { subsecond: true })
}

async function openInput(context: Context, path: string): Promise<AsyncIterable<Uint8Array>> {
  if (path === '-') return unpacked(context, process.stdin)
  const found = await stat(path).catch((cause: unknown) => {
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw new CliError('FAILED', `Cannot read "${path}": ${problem}`, { cause })
  })
  if (found.isDirectory()) {
    const { directoryTar } = await import('@gantry/snapshot')
    return directoryTar(path)
  }
  const file = await open(path)
  await file.close()
  return unpacked(context, createReadStream(path, { highWaterMark: 1 << 20 }))
}

async function* unpacked(context: Context, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]()
  const first = await iterator.next()
  const head = first.done === true ? new Uint8Array() : first.value
  const whole = async function* (): AsyncGenerator<Uint8Array> {
    yield head
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value
  }
  const kind = startsWith(head, [0x1f, 0x8b]) ? 'gzip' : startsWith(head, [0x28, 0xb5, 0x2f, 0xfd]) ? 'zstd' : undefined
  try {
    yield* kind === undefined ? whole() : codecOf(context).decompress(kind, whole())
  } finally {
    await iterator.return?.()
  }
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, at) => bytes[at] === byte)
}

async function* changed(
  tar: AsyncIterable<Uint8Array>,
  { prefix, owner, mtime }: LayerInputOptions,
): AsyncGenerator<TarInput> {
  const folder = (prefix ?? '').split('/').filter((part) => part !== '' && part !== '.')
  const base = { mode: 0o755, uid: owner?.uid ?? 0, gid: owner?.gid ?? 0, size: 0, mtime: mtime ?? 0 }
  for (const [at] of folder.entries()) {
    yield { header: { ...base, type: 'directory', path: folder.slice(0, at + 1).join('/') } }
  }
  const under = (path: string): string => [...folder, path.replace(/^(?:\.?\/)+/, '')].join('/')
  for await (const { header, body } of readTar(tar)) {
    if (folder.length > 0 && /^(?:\.?\/?)*$/.test(header.path)) continue
    const { uname: _uname, gname: _gname, ...anonymous } = header
    const owned: TarHeader = owner === undefined ? header : { ...anonymous, ...owner }
    yield {
      header: {
        ...owned,
        path: folder.length === 0 ? header.path : under(header.path),
        ...(header.type === 'hardlink' && folder.length > 0 ? { linkPath: under(header.linkPath ?? '') } : {}),
        ...(mtime === undefined ? {} : { mtime }),
      },
      body,
    }
  }
}
