import type { HistoryEntry } from '@gantry/oci'
import type { StageState } from './stage-state.ts'

/** How history entries say which frontend made them; the words are BuildKit's, so that tools know them. */
const comment = 'buildkit.dockerfile.v0'

/** Writes an entry as `docker build` does. Layers of steps that change files are marked `# buildkit`. */
export function addHistory(
  state: StageState,
  createdBy: string,
  options: { readonly layer: boolean; readonly created: string; readonly mark?: boolean },
): void {
  const entry: HistoryEntry = {
    created: options.created,
    created_by: options.mark === true ? `${createdBy} # buildkit` : createdBy,
    comment,
    ...(options.layer ? {} : { empty_layer: true }),
  }
  state.history.push(entry)
}

/** A list of words as Go prints it with %q: `["a" "b"]`. */
export function quoteWords(words: readonly string[]): string {
  return `[${words.map(quoteGo).join(' ')}]`
}

/** A text as Go's strconv.Quote writes it. */
export function quoteGo(text: string): string {
  const quoted = Array.from(text, (character) => {
    const simple = simpleEscapes.get(character)
    if (simple !== undefined) return simple
    const code = character.codePointAt(0)!
    if (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character)) return character
    if (code < 0x80) return `\\x${hex(code, 2)}`
    return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`
  })
  return `"${quoted.join('')}"`
}

const simpleEscapes = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\u0007', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
])

function hex(code: number, width: number): string {
  return code.toString(16).padStart(width, '0')
}

/** The ARGs in front of a RUN's history: `|1 NAME=value `, nothing when none is declared. */
export function argsPrefix(state: StageState): string {
  const entries = [...state.args]
  if (entries.length === 0) return ''
  const values = entries.map(([name, value]) => `${name}=${state.scope.get(name) ?? value ?? ''}`)
  return `|${values.length} ${values.join(' ')} `
}
