const decimal = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** A size in bytes for people, in powers of 1000 with three digits, as docker prints it: `7.34MB`, `142MB`, `0B`. */
export function humanSize(bytes: number): string {
  let value = bytes
  let unit = 0
  while (Number(value.toPrecision(3)) >= 1000 && unit < decimal.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${Number(value.toPrecision(3))}${decimal[unit]}`
}

const factors: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  p: 1024 ** 5,
}

/**
 * Reads a size as docker's `--memory` takes it: a number with an optional unit `b k m g t p` (powers of 1024; `kb`, `KiB` too).
 *
 * @throws Error naming what is wrong with the text.
 */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim())
  if (match === null) throw new Error(`invalid size: '${text}'`)
  const unit = (match[2] ?? '').toLowerCase()
  const factor = factors[unit.replace(/^([kmgtp])i?b$/, '$1')]
  if (factor === undefined) throw new Error(`invalid suffix: '${match[2]}' (use b, k, m, g or t)`)
  return Math.round(Number(match[1]) * factor)
}
