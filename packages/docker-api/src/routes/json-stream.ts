import type { Reply } from '../http/message.ts'

/** A stream of JSON values, one a line and one a write: old clients take each read for a record. */
export function jsonStream(values: AsyncIterable<unknown>): Reply {
  return { kind: 'stream', status: 200, contentType: 'application/json', body: lines(values) }
}

async function* lines(values: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const value of values) yield Buffer.from(`${JSON.stringify(value)}\r\n`)
}
