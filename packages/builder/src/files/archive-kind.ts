import type { Codec } from '@gantry/image'
import { start, exitOf } from '@gantry/process'
import { TarError, TarReader } from '@gantry/tar'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { BuildError } from '../build-error.ts'

/** How archives are compressed. */
export type Compression = 'gzip' | 'zstd' | 'bzip2' | 'xz'

const magic: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
]

/**
 * The uncompressed archive in a content, or undefined when it is none: a file that is merely compressed is no archive. `read` is called
 * once for looking and once for the answer; the answer must be read to its end or returned.
 * @throws BuildError SOURCE_UNREADABLE when the program that decompresses it is missing
 */
export async function archiveIn(
  read: () => AsyncIterable<Uint8Array>,
  codec: Pick<Codec, 'decompress'>,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const head = await headOf(read(), 8)
  const [compression] = magic.find(([, bytes]) => bytes.every((byte, index) => head[index] === byte)) ?? []
  const plain = (): AsyncIterable<Uint8Array> =>
    compression === undefined ? read() : expand(compression, read(), codec)
  return (await beginsAsTar(plain())) ? plain() : undefined
}

async function headOf(body: AsyncIterable<Uint8Array>, length: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= length) break
  }
  return Buffer.concat(chunks).subarray(0, length)
}

async function beginsAsTar(body: AsyncIterable<Uint8Array>): Promise<boolean> {
  const reader = new TarReader()
  try {
    for await (const chunk of body) {
      reader.push(chunk)
      const event = reader.read()
      if (event !== undefined) return event.kind === 'entry'
    }
    return false
  } catch (error) {
    // A damaged stream is no archive either: it is copied as it is, and whoever opens it sees what is wrong.
    if (error instanceof TarError || (error instanceof Error && 'code' in error && error.code === 'STREAM_DAMAGED'))
      return false
    throw error
  }
}

/** Decompresses a stream. @throws BuildError SOURCE_UNREADABLE when the program that decompresses it is missing, or finds it damaged */
export function expand(
  compression: Compression,
  body: AsyncIterable<Uint8Array>,
  codec: Pick<Codec, 'decompress'>,
): AsyncIterable<Uint8Array> {
  if (compression === 'gzip' || compression === 'zstd') return codec.decompress(compression, body)
  return throughProgram(compression, body)
}

/** Node has neither bzip2 nor xz; every distribution has the programs. */
async function* throughProgram(program: 'bzip2' | 'xz', body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const child = startProgram(program)
  const ended = exitOf(child)
  ended.catch(() => undefined)
  // Whoever wants only the beginning closes the pipe.
  const fed = pipeline(body, child.stdin as Writable).catch(() => undefined)
  try {
    yield* child.stdout as Readable as AsyncIterable<Uint8Array>
    await fed
    const { code } = await ended
    if (code !== 0) throw new BuildError('SOURCE_UNREADABLE', `Cannot unpack an archive: ${program} found it damaged`)
  } finally {
    child.kill('SIGKILL')
    await ended.catch(() => undefined)
    await fed
  }
}

function startProgram(program: 'bzip2' | 'xz'): ReturnType<typeof start> {
  try {
    return start(program, ['--decompress', '--stdout', '--quiet'], { stdio: ['pipe', 'pipe', 'ignore'] })
  } catch (cause) {
    throw new BuildError('SOURCE_UNREADABLE', `Cannot unpack an archive: "${program}" is not installed`, {
      cause,
      hint: `install ${program === 'xz' ? 'xz-utils' : 'bzip2'}, or copy the archive as it is with COPY`,
    })
  }
}
