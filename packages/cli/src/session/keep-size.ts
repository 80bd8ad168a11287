import type { TerminalSize } from '../term/terminal-size.ts'
import { terminalSize, watchTerminalSize } from '../term/terminal-size.ts'

/**
 * Gives a process's terminal the size of this one, now and whenever it changes. A size that cannot be set (the process has
 * just ended) is no error. The returned function stops it.
 */
export function keepSize(resize: (size: TerminalSize) => Promise<void>): () => void {
  const set = (size: TerminalSize): void => {
    resize(size).catch(() => undefined)
  }
  const size = terminalSize()
  if (size !== undefined) set(size)
  return watchTerminalSize(set)
}
