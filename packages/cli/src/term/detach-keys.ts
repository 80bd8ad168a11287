import { CliError } from '../cli-error.ts'

/** The keys that leave a container running and give the terminal back, when nothing else was said. */
export const defaultDetachKeys = 'ctrl-p,ctrl-q'

const controls: Readonly<Record<string, number>> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 }

/**
 * Reads a key sequence as docker writes it: keys separated by commas, each a single character or `ctrl-` with a letter or
 * one of `@ [ \ ] ^ _`. An empty text is no sequence: nothing detaches.
 *
 * @throws CliError INVALID
 */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === '') return new Uint8Array(0)
  return Uint8Array.from(
    text.split(',').map((key) => {
      if (key.length === 1) return key.charCodeAt(0)
      if (key === 'DEL') return 127
      const control = /^ctrl-(.)$/i.exec(key)?.[1]?.toLowerCase()
      const byte =
        control === undefined ? undefined : /[a-z]/.test(control) ? control.charCodeAt(0) - 96 : controls[control]
      if (byte === undefined) {
        throw new CliError(
          'INVALID',
          `Cannot use the detach keys "${text}": "${key}" is neither a character nor ctrl- with a letter or one of @ [ \\ ] ^ _`,
        )
      }
      return byte
    }),
  )
}

/** What is left of a piece of input. */
export interface Filtered {
  readonly data: Uint8Array
  readonly detached: boolean
}

/**
 * Watches input for a key sequence. Bytes that may be its beginning are held back until the next byte decides; with the
 * last key, `detached` is true and neither the sequence nor what follows is passed on.
 */
export function detachFilter(keys: Uint8Array): (input: Uint8Array) => Filtered {
  let matched = 0
  return (input) => {
    if (keys.length === 0) return { data: input, detached: false }
    const out: number[] = []
    for (const byte of input) {
      if (byte === keys[matched]) {
        matched += 1
        if (matched === keys.length) return { data: Uint8Array.from(out), detached: true }
        continue
      }
      out.push(...keys.subarray(0, matched))
      matched = byte === keys[0] ? 1 : 0
      if (matched === 0) out.push(byte)
    }
    return { data: Uint8Array.from(out), detached: false }
  }
}
