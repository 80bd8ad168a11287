import { decodeText, encodeText } from '@gantry/tar'

const other = /[\uDC80-\uDCFF]/

/** A path for Node's file functions: bytes when it holds something that is not UTF-8. */
export function fsPath(path: string): string | Buffer {
  return other.test(path) ? Buffer.from(encodeText(path)) : path
}

/** A name as it came from Node in bytes. */
export function textOf(name: Buffer): string {
  return decodeText(name)
}

/** Orders names by their bytes, which is not the order of UTF-16 code units. */
export function compareBytes(a: string, b: string): number {
  return plain.test(a) && plain.test(b) ? (a < b ? -1 : a > b ? 1 : 0) : Buffer.compare(encodeText(a), encodeText(b))
}

const plain = /^[\0-\uD7FF]*$/
