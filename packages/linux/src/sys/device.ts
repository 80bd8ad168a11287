/** A device number as the C library packs it: 12 + 20 bits of major and 20 bits of minor, interleaved. */
export function makeDevice(major: number, minor: number): bigint {
  const high = BigInt(major)
  const low = BigInt(minor)
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
}

/** The major and minor number of what stat(2) gives as `rdev`. */
export function splitDevice(device: bigint | number): { readonly major: number; readonly minor: number } {
  const packed = BigInt(device)
  return {
    major: Number(((packed >> 32n) & 0xfffff000n) | ((packed >> 8n) & 0xfffn)),
    minor: Number(((packed >> 12n) & 0xffffff00n) | (packed & 0xffn)),
  }
}
