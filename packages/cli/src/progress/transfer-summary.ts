import { shortDuration } from '../format/human-duration.ts'
import { humanSize } from '../format/human-size.ts'

/** What a pull or push came to. */
export interface TransferTotals {
  /** Bytes that moved. */
  readonly transferred: number
  /** Bytes that did not have to. */
  readonly reused: number
  readonly milliseconds: number
}

/** What moves images. */
export type TransferVerb = 'pull' | 'push' | 'copy'

const words: Readonly<Record<TransferVerb, readonly [done: string, where: string]>> = {
  pull: ['Pulled', 'here'],
  push: ['Pushed', 'there'],
  copy: ['Copied', 'there'],
}

/** `Pulled 120MB in 3.2s (37.5MB/s), 45MB were here already`. */
export function summaryLine(verb: TransferVerb, { transferred, reused, milliseconds }: TransferTotals): string {
  const [done, where] = words[verb]
  const rate = transferred > 0 && milliseconds > 0 ? ` (${humanSize((transferred / milliseconds) * 1000)}/s)` : ''
  const rest = reused === 0 ? '' : `, ${humanSize(reused)} ${reused === 1 ? 'was' : 'were'} ${where} already`
  return `${done} ${humanSize(transferred)} in ${shortDuration(milliseconds)}${rate}${rest}`
}
