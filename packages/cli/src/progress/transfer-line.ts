import type { ProgressMessage } from '@gantry/client'
import { shortDuration } from '../format/human-duration.ts'
import { humanSize } from '../format/human-size.ts'

/** The newest word on one layer, and what its rate is computed from. */
export interface Transfer {
  readonly id: string
  status: string
  current: number
  total: number
  /** Bytes and time at the beginning of this status. */
  from: number
  since: number
  now: number
}

/** Takes up a message; a new status starts the clock of its rate again. */
export function updateTransfer(
  before: Transfer | undefined,
  message: ProgressMessage & { id: string },
  now: number,
): Transfer {
  const status = message.status ?? before?.status ?? ''
  const { current = 0, total = 0 } = message.progressDetail ?? {}
  const goesOn = before !== undefined && before.status === status
  return {
    id: message.id,
    status,
    current,
    total,
    from: goesOn ? before.from : current,
    since: goesOn ? before.since : now,
    now,
  }
}

/** A layer's line: its state, and while bytes move a bar, how much of how much, the rate and the time left. */
export function transferLine({ id, status, current, total, from, since, now }: Transfer, columns: number): string {
  const head = `${id}: ${status}`
  if (current === 0 && total === 0) return head
  const seconds = (now - since) / 1000
  const rate = seconds < 0.5 ? 0 : (current - from) / seconds
  const speed = rate > 0 ? ` ${humanSize(rate)}/s` : ''
  if (total <= 0) return `${head} ${humanSize(current)}${speed}`
  const left = rate > 0 && current < total ? ` ${shortDuration(((total - current) / rate) * 1000)} left` : ''
  const text = ` ${humanSize(current)}/${humanSize(total)}${speed}${left}`
  const width = Math.min(columns - head.length - text.length - 5, 30)
  if (width < 8) return `${head}${text}`
  const filled = Math.min(Math.floor((current / total) * width), width)
  const bar = filled === width ? '='.repeat(width) : `${'='.repeat(filled)}>${' '.repeat(width - filled - 1)}`
  return `${head} [${bar}]${text}`
}
