/** How many bits of a buffer are set. */
export function popcount(bytes: Uint8Array): number
