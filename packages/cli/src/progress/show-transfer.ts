import type { ProgressMessage } from '@gantry/client'
import type { Output } from '../output.ts'
import type { Transfer } from './transfer-line.ts'
import { LiveLines } from './live-lines.ts'
import { transferLine, updateTransfer } from './transfer-line.ts'

/** How a transfer is shown. */
export interface TransferView {
  readonly quiet: boolean
  readonly now?: () => number
}

/**
 * Follows pull, push or load to its end. On a terminal every layer has a line that is drawn again; elsewhere every change
 * of state is a line, and bytes are not counted. Resolves with the last `aux` of the stream.
 *
 * @throws what the stream throws: a failure is an exception, not a line.
 */
export async function showTransfer(
  messages: AsyncIterable<ProgressMessage>,
  out: Output,
  { quiet, now = Date.now }: TransferView,
): Promise<ProgressMessage['aux']> {
  let aux: ProgressMessage['aux']
  const live = !quiet && out.isTerminal ? new LiveLines(out) : undefined
  const transfers = new Map<string, Transfer>()
  const told = new Map<string, string>()
  let drawn = 0
  const draw = (): void => {
    live?.set([...transfers.values()].map((transfer) => transferLine(transfer, out.columns)))
    drawn = now()
  }
  try {
    for await (const message of messages) {
      aux = message.aux ?? aux
      const text = (message.stream ?? message.status)?.replace(/\n$/, '')
      if (quiet || text === undefined || text === '') continue
      if (live === undefined) {
        const id = message.id ?? ''
        const isProgress = message.progressDetail?.current !== undefined
        if (isProgress || (id !== '' && told.get(id) === text)) continue
        told.set(id, text)
        out.write(id === '' ? `${text}\n` : `${id}: ${text}\n`)
      } else if (message.id === undefined || isHeading(text))
        live.print(message.id === undefined ? text : `${message.id}: ${text}`)
      else {
        const id = message.id
        const before = transfers.get(id)
        transfers.set(id, updateTransfer(before, { ...message, id }, now()))
        // Twenty drawings a second are enough for eyes; a change of state is always shown.
        if (before?.status !== message.status || now() - drawn >= 50) draw()
      }
    }
  } finally {
    if (live !== undefined && transfers.size > 0) draw()
  }
  return aux
}

/** `latest: Pulling from library/alpine` has a tag where layers have an id. */
function isHeading(text: string): boolean {
  return text.startsWith('Pulling from ')
}
