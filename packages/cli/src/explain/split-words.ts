import { CliError } from '../cli-error.ts'

/** Splits a line into words as a shell does, without expanding anything: quotes of both kinds, backslashes.
 * @throws CliError USAGE when a quote is not closed */
export function splitWords(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let at = 0; at < line.length; at++) {
    const character = line[at] ?? ''
    if (quote !== '' ? character === quote : character === '"' || character === "'") {
      quote = quote === '' ? character : ''
      word ??= ''
    } else if (character === '\\' && quote !== "'" && at + 1 < line.length) {
      at += 1
      const next = line[at] ?? ''
      // Between double quotes a backslash stands for itself, except before what it would protect.
      word = (word ?? '') + (quote === '"' && !/["\\$`]/.test(next) ? `\\${next}` : next)
    } else if (quote === '' && /\s/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + character
  }
  if (quote !== '') throw new CliError('USAGE', `Cannot read "${line}": a quote (${quote}) is not closed`)
  return word === undefined ? words : [...words, word]
}
