import type { ProgressMessage } from '@gantry/client'
import type { Output } from '../output.ts'
import type { Transfer } from './transfer-line.ts'
import { LiveLines } from './live-lines.ts'
import type { TransferVerb } from './transfer-summary.ts'
import { summaryLine } from './transfer-summary.ts'
import { transferLine, updateTransfer } from './transfer-line.ts'

/** How progress is shown: `auto` is `tty` on a terminal and `plain` elsewhere. */
export type TransferProgress = 'auto' | 'tty' | 'plain' | 'json'

/** How a transfer is shown. */
export interface TransferView {
  readonly quiet: boolean
  /** Default: `auto`. */
  readonly progress?: TransferProgress | undefined
  /** What is pulled, pushed or copied: then there is a summary at the end. */
  readonly subject?: { readonly verb: TransferVerb; readonly reference: string }
  readonly now?: () => number
}

/**
 * Follows pull, push or load to its end. On a terminal every layer has a line that is drawn again; elsewhere every change
 * of state is a line, and bytes are not counted; as JSON every message is a line for programs. Resolves with all that the
 * messages had as `aux`.
 *
 * @throws what the stream throws: a failure is an exception, not a line.
 */
export async function showTransfer(
  messages: AsyncIterable<ProgressMessage>,
  out: Output,
  { quiet, progress = 'auto', subject, now = Date.now }: TransferView,
): Promise<ProgressMessage['aux']> {
  const started = now()
  let aux: ProgressMessage['aux']
  const isLive = progress === 'tty' || (progress === 'auto' && out.isTerminal)
  const view = quiet ? noView : progress === 'json' ? jsonView(out, now) : isLive ? liveView(out, now) : plainView(out)
  try {
    for await (const message of messages) {
      if (message.aux !== undefined) aux = { ...aux, ...message.aux }
      view.take(message)
    }
  } finally {
    view.finish()
  }
  if (quiet || subject === undefined || aux?.Transferred === undefined) return aux
  const { Transferred: transferred, Reused: reused = 0, Digest: digest } = aux
  const milliseconds = Math.round(now() - started)
  if (progress === 'json') {
    out.write(`${JSON.stringify({ kind: 'summary', ...subject, digest, transferred, reused, milliseconds })}\n`)
  } else out.write(`${summaryLine(subject.verb, { transferred, reused, milliseconds })}\n`)
  return aux
}

interface View {
  take(message: ProgressMessage): void
  finish(): void
}

const noView: View = { take: () => undefined, finish: () => undefined }

function textOf(message: ProgressMessage): string {
  return (message.stream ?? message.status)?.replace(/\n$/, '') ?? ''
}

function plainView(out: Output): View {
  const told = new Map<string, string>()
  return {
    take(message) {
      const text = textOf(message)
      const id = message.id ?? ''
      const isProgress = message.progressDetail?.current !== undefined
      if (text === '' || isProgress || (id !== '' && told.get(id) === text)) return
      told.set(id, text)
      out.write(id === '' ? `${text}\n` : `${id}: ${text}\n`)
    },
    finish: () => undefined,
  }
}

function liveView(out: Output, now: () => number): View {
  const live = new LiveLines(out)
  const transfers = new Map<string, Transfer>()
  let drawn = 0
  const draw = (): void => {
    live.set([...transfers.values()].map((transfer) => transferLine(transfer, out.columns)))
    drawn = now()
  }
  return {
    take(message) {
      const text = textOf(message)
      if (text === '') return
      const { id } = message
      if (id === undefined || isHeading(text)) return live.print(id === undefined ? text : `${id}: ${text}`)
      const before = transfers.get(id)
      transfers.set(id, updateTransfer(before, { ...message, id }, now()))
      // Twenty drawings a second are enough for eyes; a change of state is always shown.
      if (before?.status !== message.status || now() - drawn >= 50) draw()
    },
    finish() {
      if (transfers.size > 0) draw()
    },
  }
}

/** A line of JSON for every change of state, and for bytes at most five a second and layer. */
function jsonView(out: Output, now: () => number): View {
  const told = new Map<string, { status: string | undefined; at: number }>()
  return {
    take(message) {
      const text = textOf(message)
      if (text === '') return
      const { id, progressDetail = {} } = message
      if (id === undefined || isHeading(text)) return out.write(`${JSON.stringify({ kind: 'message', text })}\n`)
      const before = told.get(id)
      const { current, total } = progressDetail
      const isNew = before?.status !== text || current === total
      if (!isNew && now() - before.at < 200) return
      told.set(id, { status: text, at: now() })
      out.write(`${JSON.stringify({ kind: 'layer', id, status: text, current, total })}\n`)
    },
    finish: () => undefined,
  }
}

/** `latest: Pulling from library/alpine` has a tag where layers have an id. */
function isHeading(text: string): boolean {
  return text.startsWith('Pulling from ')
}
