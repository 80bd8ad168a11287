/** The strongest checksum of a Subresource Integrity text. */
export interface Integrity {
  readonly algorithm: 'sha512' | 'sha384' | 'sha256' | 'sha1'
  /** In hex. */
  readonly hex: string
}

const bytes: Readonly<Record<string, number>> = { sha512: 64, sha384: 48, sha256: 32, sha1: 20 }

/** Reads `sha512-<base64>`, of several the strongest; undefined when none is understood. */
export function parseIntegrity(text: string): Integrity | undefined {
  const found = new Map<string, string>()
  for (const part of text.trim().split(/\s+/)) {
    const [, algorithm = '', base64 = ''] =
      /^(sha512|sha384|sha256|sha1)-([A-Za-z0-9+/]+={0,2})(?:\?.*)?$/.exec(part) ?? []
    const decoded = Buffer.from(base64, 'base64')
    if (decoded.length === bytes[algorithm]) found.set(algorithm, decoded.toString('hex'))
  }
  for (const algorithm of ['sha512', 'sha384', 'sha256', 'sha1'] as const) {
    const hex = found.get(algorithm)
    if (hex !== undefined) return { algorithm, hex }
  }
  return undefined
}

/** The checksum that Yarn 1 writes behind an address: `…tgz#<sha1 in hex>`. */
export function integrityOfAddress(url: string): string | undefined {
  const [, hex] = /#([0-9a-f]{40})$/.exec(url) ?? []
  return hex === undefined ? undefined : `sha1-${Buffer.from(hex, 'hex').toString('base64')}`
}
