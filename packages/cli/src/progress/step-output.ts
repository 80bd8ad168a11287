/** Keeps what a step wrote, as whole lines; the oldest are dropped beyond `limit` characters. */
export class StepOutput {
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  readonly #open = { stdout: '', stderr: '' }
  readonly #limit: number
  #lines: string[] = []
  #size = 0
  /** Whether something was dropped. */
  isCut = false

  constructor(limit: number = 8 * 1024 * 1024) {
    this.#limit = limit
  }

  /** Takes bytes in; returns the lines that are complete now. A carriage return alone begins the line again. */
  add(stream: 'stdout' | 'stderr', data: Uint8Array): string[] {
    const text = this.#open[stream] + this.#decoders[stream].decode(data, { stream: true })
    const lines = text.split('\n')
    this.#open[stream] = lines.pop() ?? ''
    const complete = lines.map(clean)
    this.#keep(complete)
    return complete
  }

  /** The last lines that are there, an unfinished one included. */
  tail(count: number): string[] {
    return [...this.#lines.slice(-count), ...this.#unfinished()].slice(-count)
  }

  /** Everything that was kept; unfinished lines are finished. */
  all(): string[] {
    return [...this.#lines, ...this.#unfinished()]
  }

  /** Finishes the lines that are open, and returns them. */
  flush(): string[] {
    const lines = this.#unfinished()
    this.#open.stdout = ''
    this.#open.stderr = ''
    this.#keep(lines)
    return lines
  }

  #unfinished(): string[] {
    return [this.#open.stdout, this.#open.stderr].filter((text) => text !== '').map(clean)
  }

  #keep(lines: readonly string[]): void {
    for (const line of lines) {
      this.#lines.push(line)
      this.#size += line.length + 1
    }
    let drop = 0
    while (this.#size > this.#limit) {
      this.#size -= (this.#lines[drop]?.length ?? 0) + 1
      drop += 1
    }
    if (drop === 0) return
    this.#lines = this.#lines.slice(drop)
    this.isCut = true
  }
}

/** What is left of a line on a screen: the text after the last carriage return, without control sequences. */
function clean(line: string): string {
  const shown = line.replace(/\r+$/, '')
  return (
    shown
      .slice(shown.lastIndexOf('\r') + 1)
      // eslint-disable-next-line no-control-regex -- sequences that move the cursor or colour begin with ESC
      .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007]*\u0007|.)/g, '')
      .replace(/\t/g, '    ')
      // eslint-disable-next-line no-control-regex -- what is left of them is not to be shown
      .replace(/[\u0000-\u001f\u007f]/g, '')
  )
}
