import type { Codec } from '@gantry/image'
import { readTar, type TarEntry, normalizeEntryPath } from '@gantry/tar'
import { open, type FileHandle } from 'node:fs/promises'
import { expand, type Compression } from '../../files/archive-kind.ts'
import { BaseError } from '../base-error.ts'

/** A Debian package that is open for reading. */
export interface DebFile {
  /** Seconds since 1970: when it was built, as its first member bears it. */
  readonly time: number
  /** The files of its control archive, such as `control`, `md5sums` and `postinst`. */
  control(): Promise<ReadonlyMap<string, Uint8Array>>
  /** Its files, in the order of the archive. */
  files(): AsyncIterable<TarEntry>
}

interface Member {
  readonly name: string
  readonly time: number
  readonly offset: number
  readonly size: number
}

const headerBytes = 60
const magicBytes = 8
const largestControlFile = 16 << 20

/**
 * Reads a package: an `ar` archive of a version, a control archive and a data archive. The caller closes the file.
 *
 * @see https://manpages.debian.org/bookworm/dpkg-dev/deb.5.en.html
 * @throws BaseError PACKAGE_INVALID
 */
export async function readDeb(file: FileHandle, label: string, codec: Pick<Codec, 'decompress'>): Promise<DebFile> {
  const members = await listMembers(file, label)
  const find = (prefix: string): Member => {
    const found = members.find(({ name }) => name.startsWith(prefix))
    if (found === undefined) throw unfit(label, `it has no member "${prefix}"`)
    return found
  }
  const version = find('debian-binary')
  const archive = (prefix: string): AsyncIterable<Uint8Array> => {
    const { name, offset, size } = find(prefix)
    const body = bytesOf(file, offset, size)
    const suffix = name.slice(prefix.length)
    const compression = compressions.get(suffix)
    if (compression === undefined) throw unfit(label, `its member "${name}" is compressed in an unknown way`)
    return compression === 'none' ? body : expand(compression, body, codec)
  }
  return {
    time: version.time,
    async control() {
      const files = new Map<string, Uint8Array>()
      for await (const { header, body } of readTar(archive('control.tar'))) {
        if (header.type !== 'file') continue
        if (header.size > largestControlFile) throw unfit(label, `its "${header.path}" is too large`)
        files.set(normalizeEntryPath(header.path), Buffer.concat(await Array.fromAsync(body, (chunk) => chunk.slice())))
      }
      return files
    },
    files: () => readTar(archive('data.tar')),
  }
}

const compressions: ReadonlyMap<string, Compression | 'none'> = new Map([
  ['', 'none'],
  ['.gz', 'gzip'],
  ['.xz', 'xz'],
  ['.zst', 'zstd'],
  ['.bz2', 'bzip2'],
])

async function listMembers(file: FileHandle, label: string): Promise<readonly Member[]> {
  const { size: end } = await file.stat()
  const text = async (position: number, length: number): Promise<string> => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
    return buffer.toString('latin1', 0, bytesRead)
  }
  if ((await text(0, magicBytes)) !== '!<arch>\n') throw unfit(label, 'it is no ar archive')
  const members: Member[] = []
  for (let at = magicBytes; at + headerBytes <= end;) {
    const header = await text(at, headerBytes)
    const name = header.slice(0, 16).trim().replace(/\/$/, '')
    const time = Number(header.slice(16, 28))
    const size = Number(header.slice(48, 58))
    const offset = at + headerBytes
    if (header.slice(58) !== '`\n' || !Number.isSafeInteger(size) || size < 0 || !Number.isSafeInteger(time))
      throw unfit(label, `its member at byte ${String(at)} has no header`)
    if (offset + size > end) throw unfit(label, `its member "${name}" is cut off`)
    members.push({ name, time, offset, size })
    at = offset + size + (size % 2)
  }
  return members
}

async function* bytesOf(file: FileHandle, offset: number, size: number): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < size;) {
    const wanted = Math.min(1 << 20, size - done)
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, offset + done)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    done += bytesRead
  }
}

/** Opens a package by its path. @throws BaseError PACKAGE_INVALID */
export async function openDeb(path: string, codec: Pick<Codec, 'decompress'>): Promise<DebFile & AsyncDisposable> {
  const file = await open(path)
  try {
    const deb = await readDeb(file, path, codec)
    return { ...deb, [Symbol.asyncDispose]: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}

function unfit(label: string, reason: string): BaseError {
  return new BaseError('PACKAGE_INVALID', `Cannot read the package "${label}": ${reason}`)
}
