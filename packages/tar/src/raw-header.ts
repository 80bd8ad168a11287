import { TarError } from './errors.ts'
import { blockBytes } from './header.ts'
import { parseNumeric } from './numeric.ts'
import { decodeText } from './text.ts'

/**
 * A header block before what stands around it (PAX records, long names) has been applied.
 *
 * ```
 *   0 name 100   100 mode 8   108 uid 8   116 gid 8   124 size 12   136 mtime 12   148 checksum 8   156 type 1
 * 157 link 100   257 magic 6  263 version 2   265 uname 32   297 gname 32   329 devmajor 8   337 devminor 8
 * 345 prefix 155 (ustar)   386 sparse 4×24, 482 more 1, 483 real size 12 (GNU)
 * ```
 */
export interface RawHeader {
  readonly type: string
  readonly path: string
  readonly linkPath: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: number
  readonly uname: string
  readonly gname: string
  readonly devMajor: number
  readonly devMinor: number
}

/** Whether the block is all zeros, as at an archive's end. */
export function isZeroBlock(block: Uint8Array): boolean {
  for (let at = 0; at < blockBytes; at++) if (block[at] !== 0) return false
  return true
}

/**
 * Reads a header block: V7, ustar, star or GNU.
 *
 * @throws {TarError} CHECKSUM_MISMATCH, HEADER_INVALID
 */
export function parseRawHeader(block: Uint8Array, offset: number): RawHeader {
  checkSum(block, offset)
  const format = formatOf(block)
  const extended = format !== 'v7'
  const name = textField(block, 0, 100)
  const prefix = format === 'ustar' ? textField(block, 345, 155) : format === 'star' ? textField(block, 345, 131) : ''
  return {
    type: String.fromCharCode(block[156]!),
    path: prefix === '' ? name : `${prefix}/${name}`,
    linkPath: textField(block, 157, 100),
    mode: count('mode', block, 100, 8, offset) & 0o7777,
    uid: count('uid', block, 108, 8, offset),
    gid: count('gid', block, 116, 8, offset),
    size: count('size', block, 124, 12, offset),
    mtime: number('mtime', block, 136, 12, offset),
    uname: extended ? textField(block, 265, 32) : '',
    gname: extended ? textField(block, 297, 32) : '',
    devMajor: extended ? count('devmajor', block, 329, 8, offset) : 0,
    devMinor: extended ? count('devminor', block, 337, 8, offset) : 0,
  }
}

function formatOf(block: Uint8Array): 'v7' | 'ustar' | 'star' | 'gnu' {
  const magic = String.fromCharCode(...block.subarray(257, 263))
  if (magic === 'ustar ') return 'gnu'
  if (magic !== 'ustar\0') return 'v7'
  return String.fromCharCode(...block.subarray(508, 512)) === 'tar\0' ? 'star' : 'ustar'
}

function checkSum(block: Uint8Array, offset: number): void {
  let unsigned = 0
  let high = 0
  for (let at = 0; at < blockBytes; at++) {
    const byte = block[at]!
    unsigned += byte
    high += byte >> 7
  }
  for (let at = 148; at < 156; at++) {
    unsigned += 0x20 - block[at]!
    high -= block[at]! >> 7
  }
  const stated = parseNumeric(block, 148, 8)
  // Old programs summed signed bytes.
  if (stated === unsigned || stated === unsigned - 256 * high) return
  throw new TarError(
    'CHECKSUM_MISMATCH',
    `Cannot read the tar header at byte ${offset}: its checksum is ${stated ?? 'not a number'}, expected ${unsigned}`,
    { offset },
  )
}

function textField(block: Uint8Array, start: number, length: number): string {
  let end = start
  while (end < start + length && block[end] !== 0) end++
  return end === start ? '' : decodeText(block.subarray(start, end))
}

function number(field: string, block: Uint8Array, start: number, length: number, offset: number): number {
  const value = parseNumeric(block, start, length)
  if (value !== undefined) return value
  throw new TarError(
    'HEADER_INVALID',
    `Cannot read the tar header at byte ${offset}: the field ${field} is not a number that can be represented`,
    { offset },
  )
}

function count(field: string, block: Uint8Array, start: number, length: number, offset: number): number {
  const value = number(field, block, start, length, offset)
  if (value >= 0) return value
  throw new TarError(
    'HEADER_INVALID',
    `Cannot read the tar header at byte ${offset}: the field ${field} is ${value}, expected 0 or more`,
    { offset },
  )
}
