import type { Output } from '../output.ts'
import type { BuildView } from './build-view.ts'

/** An event a line, as JSON: output as text, errors as code and message. For programs. */
export function jsonBuildView(out: Output): BuildView {
  const decoder = new TextDecoder()
  return {
    event: (event) => out.write(`${JSON.stringify(event, (_key, value: unknown) => plain(value, decoder))}\n`),
    finish: () => undefined,
  }
}

function plain(value: unknown, decoder: TextDecoder): unknown {
  if (value instanceof Uint8Array) return decoder.decode(value)
  if (value instanceof Error) return { code: Reflect.get(value, 'code') as unknown, message: value.message }
  return value
}
