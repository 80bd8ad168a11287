import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** A header of Node, for compiling native addons. */
export interface NodeHeader {
  /** Relative to `include/node`. */
  readonly path: string
  readonly source: string
}

/**
 * The headers that lie beside a program of Node, as its distributions have them, in their order; none when they are missing or of
 * another version. Those of OpenSSL are left out: they are fifty times the rest, and few addons want them.
 */
export async function findNodeHeaders(program: string, version: string): Promise<readonly NodeHeader[]> {
  const root = join(dirname(program), '../include/node')
  const text = await readFile(join(root, 'node_version.h'), 'utf8').catch(() => '')
  const numbers = ['MAJOR', 'MINOR', 'PATCH'].map(
    (part) => new RegExp(`^#define NODE_${part}_VERSION (\\d+)$`, 'm').exec(text)?.[1],
  )
  if (numbers.join('.') !== version) return []
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((source) => ({ path: source.slice(root.length + 1), source }))
    .filter(({ path }) => !path.startsWith('openssl/'))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
}
