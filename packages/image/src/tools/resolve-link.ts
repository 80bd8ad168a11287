/** The parts of a path that a symbolic link in the directory `from` leads to; it never leaves the root. */
export function resolveLink(from: readonly string[], target: string): string[] {
  const parts = target.startsWith('/') ? [] : [...from]
  for (const part of target.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts
}
