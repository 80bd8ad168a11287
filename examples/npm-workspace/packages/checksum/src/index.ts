import { crc32 } from '@node-rs/crc32'

/** The CRC-32 of a text in hex, computed by a native addon. */
export function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
