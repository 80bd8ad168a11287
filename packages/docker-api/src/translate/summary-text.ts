import type { ContainerRecord, Engine } from '@gantry/engine'
import { containerSummary } from './container-inspect.ts'
import { statusText } from './container-status.ts'

interface Text {
  readonly before: string
  readonly after: string
}

const texts = new WeakMap<ContainerRecord, Text>()
const mark = '\0status\0'

/**
 * A row of `GET /containers/json` as JSON. A record never changes, so its text is kept as long as the record, but for the status, which
 * tells how long ago something was: who polls a thousand containers each second costs the daemon a few milliseconds.
 */
export function summaryText(record: ContainerRecord, { engine, now }: { engine: Engine; now: number }): string {
  let text = texts.get(record)
  if (text === undefined) {
    const whole = JSON.stringify({ ...containerSummary(record, { engine, now }), Status: mark })
    const [before = '', after = ''] = whole.split(JSON.stringify(mark))
    texts.set(record, (text = { before, after }))
  }
  return text.before + JSON.stringify(statusText(record, now)) + text.after
}
