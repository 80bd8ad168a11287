/** The first twelve characters of an id, without the algorithm of a digest: what tables show. */
export function shortId(id: string): string {
  return id.replace(/^sha\d+:/, '').slice(0, 12)
}

/** Cuts a text to `length` characters, the last of which says that something is missing. */
export function ellipsis(text: string, length: number): string {
  const characters = Array.from(text)
  return characters.length <= length ? text : `${characters.slice(0, Math.max(length - 1, 0)).join('')}…`
}
