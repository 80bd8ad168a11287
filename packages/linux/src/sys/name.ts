/** A file name, or a path: text, or for names that are not UTF-8 their bytes with a NUL at the end. */
export type Name = string | Uint8Array

/** A name as it stands in messages. */
export function quoted(name: Name): string {
  return `"${typeof name === 'string' ? name : Buffer.from(name).toString('latin1').replace(/\0$/, '')}"`
}
