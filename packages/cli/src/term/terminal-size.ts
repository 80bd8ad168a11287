/** Lines and columns of a terminal. */
export interface TerminalSize {
  readonly height: number
  readonly width: number
}

/** The size of the terminal that standard output is, or undefined when it is none. */
export function terminalSize(): TerminalSize | undefined {
  const { stdout } = process
  return stdout.isTTY && stdout.rows > 0 ? { height: stdout.rows, width: stdout.columns } : undefined
}

/** Calls back with the new size whenever the window changes. The returned function stops it. */
export function watchTerminalSize(changed: (size: TerminalSize) => void): () => void {
  const listener = (): void => {
    const size = terminalSize()
    if (size !== undefined) changed(size)
  }
  process.stdout.on('resize', listener)
  return () => {
    process.stdout.removeListener('resize', listener)
  }
}
