import { TarError } from './errors.ts'
import { blockBytes, type TarHeader, type TarType } from './header.ts'
import { writeOctal } from './numeric.ts'
import { encodeText } from './text.ts'

/** How headers are written. */
export interface HeaderOptions {
  /** Keeps fractions of a second in `mtime`, which takes a PAX header. Off by default: times are rounded down. */
  readonly subsecond?: boolean
}

const typeFlags: Readonly<Record<TarType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
}

/**
 * The blocks of one entry's header: ustar, with a PAX header before it only for what ustar cannot say (long or non-ASCII
 * names, large numbers, extended attributes). Equal headers make equal bytes: records are sorted, and no access or
 * change time is written.
 *
 * @throws {TarError} HEADER_INVALID: an empty path, a size that is no size, a device number above 2097151
 */
export function headerBlocks(header: TarHeader, options: HeaderOptions = {}): Uint8Array {
  checkHeader(header)
  const records = new Map<string, Uint8Array>()
  const block = new Uint8Array(blockBytes)
  const { type } = header
  const path = encodeText(type === 'directory' && !header.path.endsWith('/') ? `${header.path}/` : header.path)
  if (!writePath(block, path)) records.set('path', path)
  writeText(block, 157, 100, 'linkpath', header.linkPath, records)
  writeNumbers(block, header, options, records)
  writeText(block, 265, 32, 'uname', header.uname, records)
  writeText(block, 297, 32, 'gname', header.gname, records)
  for (const [name, value] of Object.entries(header.xattrs ?? {})) records.set(`SCHILY.xattr.${name}`, value)
  finishBlock(block, typeFlags[type])
  if (records.size === 0) return block
  return concat([paxBlocks(header.path, records), block])
}

function checkHeader({ path, size, type, mtime, devMajor = 0, devMinor = 0 }: TarHeader): void {
  const fail = (problem: string): never => {
    throw new TarError('HEADER_INVALID', `Cannot write the tar entry ${JSON.stringify(path)}: ${problem}`)
  }
  if (path === '' || path.includes('\0')) fail('its path is empty or has a NUL')
  if (!Number.isSafeInteger(size) || size < 0) fail(`its size is ${size}`)
  if (size > 0 && type !== 'file') fail(`a ${type} has no body, but its size is ${size}`)
  if (!Number.isFinite(mtime)) fail(`its mtime is ${mtime}`)
  if (Math.max(devMajor, devMinor) >= 8 ** 7) fail('its device number is above 2097151')
}

function writeNumbers(
  block: Uint8Array,
  header: TarHeader,
  { subsecond = false }: HeaderOptions,
  records: Map<string, Uint8Array>,
): void {
  const seconds = Math.floor(header.mtime)
  writeOctal(block, 100, 8, header.mode & 0o7777)
  if (!writeOctal(block, 108, 8, header.uid)) records.set('uid', encodeText(String(header.uid)))
  if (!writeOctal(block, 116, 8, header.gid)) records.set('gid', encodeText(String(header.gid)))
  if (!writeOctal(block, 124, 12, header.size)) records.set('size', encodeText(String(header.size)))
  const fits = writeOctal(block, 136, 12, seconds)
  const keepFraction = subsecond && seconds !== header.mtime
  if (!fits || keepFraction) records.set('mtime', encodeText(String(keepFraction ? header.mtime : seconds)))
  writeOctal(block, 329, 8, header.devMajor ?? 0)
  writeOctal(block, 337, 8, header.devMinor ?? 0)
}

function writeText(
  block: Uint8Array,
  start: number,
  length: number,
  key: string,
  text: string | undefined,
  records: Map<string, Uint8Array>,
): void {
  if (text === undefined || text === '') return
  const bytes = encodeText(text)
  if (bytes.length <= length && isAscii(bytes)) block.set(bytes, start)
  else records.set(key, bytes)
}

/** Writes a path into name, or prefix and name; false, with nothing written, when it has no place there. */
function writePath(block: Uint8Array, path: Uint8Array): boolean {
  if (!isAscii(path)) return false
  if (path.length <= 100) {
    block.set(path, 0)
    return true
  }
  if (path.length > 256) return false
  // The first slash that leaves at most 100 bytes for the name; a slash at the very end cannot part them.
  const slash = path.indexOf(0x2f, path.length - 101)
  if (slash <= 0 || slash > 155 || slash === path.length - 1) return false
  block.set(path.subarray(0, slash), 345)
  block.set(path.subarray(slash + 1), 0)
  return true
}

function finishBlock(block: Uint8Array, typeFlag: string): void {
  block[156] = typeFlag.charCodeAt(0)
  block.set(magic, 257)
  block.fill(0x20, 148, 156)
  let sum = 0
  for (let at = 0; at < blockBytes; at++) sum += block[at]!
  writeOctal(block, 148, 7, sum)
}

const magic = encodeText('ustar\x0000')

function paxBlocks(path: string, records: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const sorted = [...records].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const data = concat(sorted.map(([key, value]) => paxRecord(key, value)))
  const block = new Uint8Array(blockBytes)
  block.set(paxName(path), 0)
  for (const [start, length] of [
    [100, 8],
    [108, 8],
    [116, 8],
    [136, 12],
    [329, 8],
    [337, 8],
  ] as const) {
    writeOctal(block, start, length, 0)
  }
  writeOctal(block, 124, 12, data.length)
  finishBlock(block, 'x')
  return concat([block, data, new Uint8Array((blockBytes - (data.length % blockBytes)) % blockBytes)])
}

// A name for readers that do not know PAX; it is theirs alone, so it may be cut.
function paxName(path: string): Uint8Array {
  const parts = path.split('/').filter((part) => part !== '')
  const last = parts.pop() ?? ''
  const name = [...parts, 'PaxHeaders.0', last].join('/').replace(/[^ -~]/g, '')
  return encodeText(name.slice(0, 100))
}

function paxRecord(key: string, value: Uint8Array): Uint8Array {
  const name = encodeText(` ${key}=`)
  const bare = name.length + value.length + 1
  // The length counts its own digits.
  let length = bare + String(bare).length
  length = bare + String(length).length
  return concat([encodeText(String(length)), name, value, Uint8Array.of(0x0a)])
}

function isAscii(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes[at]! >= 0x80) return false
  return true
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
