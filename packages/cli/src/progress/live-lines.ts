import type { Output } from '../output.ts'

const escape = '\u001b['

/**
 * A block of lines at the bottom of a terminal that is drawn again and again, with lasting text scrolling out above it.
 * Lines are cut to the terminal's width; of a block higher than the terminal the last lines are shown.
 */
export class LiveLines {
  readonly #out: Output
  readonly #rows: () => number
  #drawn = 0
  #lines: readonly string[] = []

  constructor(out: Output, rows: () => number = () => process.stdout.rows || 24) {
    this.#out = out
    this.#rows = rows
  }

  /** Replaces the block. */
  set(lines: readonly string[]): void {
    this.#lines = lines
    this.#draw('')
  }

  /** Prints lines that stay, above the block, which may be replaced at the same time. */
  print(text: string, lines: readonly string[] = this.#lines): void {
    this.#lines = lines
    this.#draw(text.endsWith('\n') || text === '' ? text : `${text}\n`)
  }

  #draw(lasting: string): void {
    const shown = this.#lines
      .slice(-Math.max(this.#rows() - 1, 1))
      .map((line) => cutVisible(line, this.#out.columns - 1))
    const up = this.#drawn === 0 ? '' : `${escape}${this.#drawn}A\r`
    this.#out.write(`${up}${escape}J${lasting}${shown.map((line) => `${line}\n`).join('')}`)
    this.#drawn = shown.length
  }
}

/** Cuts a line to `width` visible characters; colour sequences take no room and are closed. */
export function cutVisible(line: string, width: number): string {
  let visible = 0
  let out = ''
  // eslint-disable-next-line no-control-regex -- colour sequences begin with ESC
  for (const [part] of line.matchAll(/\u001b\[[0-9;]*m|[^]/gu)) {
    const isColour = part.length > 1 && part.startsWith('\u001b')
    if (!isColour && visible === width) continue
    if (!isColour) visible += 1
    out += part
  }
  return out
}

/** Paints a text where `on`; plain otherwise. */
export function paint(
  text: string,
  colour: 'red' | 'green' | 'yellow' | 'blue' | 'grey' | 'bold',
  on: boolean,
): string {
  const codes = { red: 31, green: 32, yellow: 33, blue: 34, grey: 90, bold: 1 }
  return on ? `${escape}${codes[colour]}m${text}${escape}0m` : text
}
