/**
 * The shortest path that means the same, by text alone, as Go's `path.Clean`: no `//`, no `.`, `..` folded where it can
 * be, no trailing slash; `..` at the root is dropped; the empty path becomes `.`.
 */
export function cleanPath(path: string): string {
  const absolute = path.startsWith('/')
  const out: string[] = []
  for (const element of path.split('/')) {
    if (element === '' || element === '.') continue
    if (element !== '..') out.push(element)
    else if (out.length > 0 && out.at(-1) !== '..') out.pop()
    else if (!absolute) out.push('..')
  }
  const cleaned = out.join('/')
  if (absolute) return `/${cleaned}`
  return cleaned === '' ? '.' : cleaned
}

/** Joins `path` to the absolute directory `base`, unless it is absolute itself, and cleans the result. */
export function joinPath(base: string, path: string): string {
  return cleanPath(path.startsWith('/') ? path : `${base}/${path}`)
}
