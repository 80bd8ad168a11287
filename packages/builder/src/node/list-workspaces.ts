import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parsePathPattern } from '@gantry/dockerfile'

const mostDepth = 8

/** The directories with a `package.json` that the patterns of `workspaces` name, sorted. */
export async function listWorkspaces(root: string, patterns: readonly string[]): Promise<readonly string[]> {
  if (patterns.length === 0) return []
  const clean = (pattern: string): string => pattern.replace(/^!?(?:\.?\/)*/, '').replace(/\/+$/, '')
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!')).map((each) => parsePathPattern(clean(each)))
  const unwanted = patterns.filter((pattern) => pattern.startsWith('!')).map((each) => parsePathPattern(clean(each)))
  const found: string[] = []
  const visit = async (directory: string, depth: number): Promise<void> => {
    for (const entry of await readdir(join(root, directory), { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name === 'node_modules' || entry.name.startsWith('.')) continue
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`
      const matches =
        wanted.some((pattern) => pattern?.matches(path)) && !unwanted.some((pattern) => pattern?.matches(path))
      if (matches && (await hasManifest(join(root, path)))) found.push(path)
      if (depth < mostDepth) await visit(path, depth + 1)
    }
  }
  await visit('', 1)
  return found.toSorted()
}

async function hasManifest(directory: string): Promise<boolean> {
  return (await stat(join(directory, 'package.json')).catch(() => undefined)) !== undefined
}
