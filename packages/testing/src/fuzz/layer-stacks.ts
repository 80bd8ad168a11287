import * as fc from 'fast-check'
import type { TarInput } from '@gantry/tar'
import { directory, file, hardlink, symlink } from '../fixtures/entries.ts'

const paths = ['a', 'b', 'c', 'a/x', 'a/y', 'a/d', 'a/d/z', 'b/x', 'b/d', 'b/d/e', 'b/d/e/f', 'c/s'] as const

const operation = fc.record({
  path: fc.constantFrom(...paths),
  what: fc.constantFrom('file', 'file', 'directory', 'symlink', 'hardlink', 'whiteout', 'opaque'),
  size: fc.nat(40),
  mode: fc.constantFrom(0o644, 0o600, 0o755),
  uid: fc.nat(3),
})

/**
 * Stacks of layers, lowest first, as builders write them: a layer names each path once, parents before what is in them, and hard
 * links to its own files. They replace, hide and add to what the layers below have.
 */
export const layerStacks: fc.Arbitrary<readonly (readonly TarInput[])[]> = fc
  .array(fc.array(operation, { minLength: 1, maxLength: 10 }), { minLength: 1, maxLength: 5 })
  .map((layers) => layers.map(entriesOf))

type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

function entriesOf(operations: readonly Operation[], layer: number): readonly TarInput[] {
  const entries: TarInput[] = []
  const kinds = new Map<string, string>()
  const files: string[] = []
  for (const { path, what, size, mode, uid } of operations.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const parents = path
      .split('/')
      .slice(0, -1)
      .map((_, at, parts) => parts.slice(0, at + 1).join('/'))
    const isBlocked = kinds.has(path) || parents.some((parent) => (kinds.get(parent) ?? 'directory') !== 'directory')
    if (isBlocked) continue
    for (const parent of parents) {
      if (kinds.has(parent)) continue
      kinds.set(parent, 'directory')
      entries.push(directory(parent))
    }
    kinds.set(path, what === 'opaque' ? 'directory' : what)
    const slash = path.lastIndexOf('/') + 1
    if (what === 'directory') entries.push(directory(path, { mode: mode | 0o100, uid }))
    else if (what === 'opaque') entries.push(directory(path), file(`${path}/.wh..wh..opq`))
    else if (what === 'whiteout') entries.push(file(`${path.slice(0, slash)}.wh.${path.slice(slash)}`))
    else if (what === 'symlink') entries.push(symlink(path, `to-${layer}-${size}`))
    else if (what === 'hardlink' && files[0] !== undefined)
      entries.push(hardlink(path, files[size % files.length] ?? files[0]))
    else {
      entries.push(file(path, `${layer}`.repeat(size), { mode, uid }))
      files.push(path)
      kinds.set(path, 'file')
    }
  }
  return entries
}
