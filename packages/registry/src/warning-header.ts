/** What the specification allows of warnings in one answer, in bytes. */
const longest = 4096

/**
 * The `Warning` header for texts that clients show to people: `299 - "text"` for each. What cannot be in it is replaced, and what
 * does not fit in 4096 bytes is left out. Empty when there is nothing to say.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#warnings
 */
export function warningHeader(texts: readonly string[]): Readonly<Record<string, string>> {
  const values: string[] = []
  let length = 0
  for (const text of texts) {
    const value = `299 - "${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, String.raw`\$&`)}"`
    if (length + value.length + 2 > longest) continue
    length += value.length + 2
    values.push(value)
  }
  return values.length === 0 ? {} : { Warning: values.join(', ') }
}
