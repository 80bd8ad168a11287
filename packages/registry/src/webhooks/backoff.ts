const first = 1000
/** The longest wait, in milliseconds. */
export const longestBackoff: number = 6 * 3_600_000

/**
 * How long to wait after so many failed attempts, in milliseconds: 1 s, 4 s, 16 s and so on up to six hours, less up to half of
 * it by chance, so that what failed together is not tried again together.
 */
export function backoff(attempts: number, random: () => number = Math.random): number {
  const full = Math.min(first * 4 ** Math.min(attempts - 1, 16), longestBackoff)
  return Math.round(full * (1 - random() / 2))
}
