import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LayerPlan } from '../layer/layer-plan.ts'
import type { FileNode, Lookup } from './node.ts'
import { resolvePath } from './resolve-path.ts'

const directory: FileNode = { type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 }

/** A root with directories and links, which counts how often it is asked. */
function rootOf(entries: Readonly<Record<string, string | undefined>>): Lookup & { asked: number } {
  const root = {
    asked: 0,
    lstat(path: string): FileNode | undefined {
      root.asked++
      if (!Object.hasOwn(entries, path)) return undefined
      const target = entries[path]
      return target === undefined ? directory : { ...directory, type: 'symlink', target }
    },
  }
  return root
}

describe('resolvePath', () => {
  const root = rootOf({ a: undefined, 'a/l': '../b', b: undefined, 'b/c': '/a', up: '../../..' })
  const rows: readonly [path: string, expected: string][] = [
    ['a/l/x', 'b/x'],
    ['a/l/c/x', 'a/x'],
    ['up/a', 'a'],
    ['none/../a/l/x', 'b/x'],
    ['none/x/../../a/l', 'b'],
    ['none/x/../l', 'none/l'],
    ['../../a', 'a'],
  ]
  for (const [path, expected] of rows) {
    test(`${path} leads to ${expected}`, () => assert.equal(resolvePath(root, path, { followLast: true }), expected))
  }

  test('below what is missing nothing is looked up', () => {
    const empty = rootOf({})
    resolvePath(empty, 'x/'.repeat(2000), { followLast: true })
    assert.equal(empty.asked, 1)
    const plan = new LayerPlan(empty, 0)
    plan.makeDirectories('y/'.repeat(2000), { mode: 0o755, uid: 0, gid: 0 })
    assert.equal(plan.entries().size, 2000)
    assert.ok(empty.asked < 10, `asked ${empty.asked} times`)
  })

  test('links in circles, and paths that no file can have, are refused', () => {
    const round = rootOf({ a: 'b', b: 'a' })
    for (const path of ['a', 'x/'.repeat(2048), 'n'.repeat(256), `d/${'é'.repeat(128)}`]) {
      assert.throws(() => resolvePath(round, path, { followLast: true }), { code: 'DESTINATION_INVALID' })
    }
    assert.equal(resolvePath(round, 'n'.repeat(255), { followLast: true }).length, 255)
    const plan = new LayerPlan(round, 0)
    assert.throws(() => plan.put('n'.repeat(256), directory), { code: 'DESTINATION_INVALID' })
  })
})

test('directories above what is planned have a new time only where something was made', () => {
  const root = rootOf({ a: undefined, 'a/b': undefined, 'a/b/c': undefined })
  const plan = new LayerPlan(root, 9)
  for (const path of ['a/b/c/x', 'a/b/c/y', 'a/z']) plan.put(path, { ...directory, type: 'file' })
  const times = [...plan.entries()].map(([path, { mtime }]) => [path, mtime] as const)
  assert.deepEqual(
    new Map(times.filter(([path]) => /^a(\/b(\/c)?)?$/.test(path))),
    new Map([
      ['a/b/c', 9],
      ['a/b', 0],
      ['a', 9],
    ]),
  )
})
