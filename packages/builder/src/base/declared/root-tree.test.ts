import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { memoryRoot } from '../test/memory-root.ts'
import { putDirectory, putFile, putLink } from './base-root.ts'

describe('RootTree', () => {
  test('links of directories above a path are followed, the last part is not', () => {
    const root = memoryRoot()
    putLink(root, 'lib', 'usr/lib')
    putLink(root, 'usr/lib/here', '/opt/../srv')
    putFile(root, 'lib/here/x', 'x')
    putFile(root, 'lib/y', 'y')
    assert.deepEqual(
      root.tree.entries().map(({ header }) => header.path),
      ['lib', 'srv', 'srv/x', 'usr', 'usr/lib', 'usr/lib/here', 'usr/lib/y'],
    )
    assert.equal(root.tree.resolve('lib'), 'lib')
    assert.equal(root.tree.follow('lib/here'), 'srv')
    assert.equal(root.tree.get('lib/y')?.header.path, 'usr/lib/y')
  })

  test('links do not lead out of the root, nor around for ever', () => {
    const root = memoryRoot()
    putLink(root, 'up', '../../../etc')
    putFile(root, 'up/passwd', 'x')
    assert.ok(root.tree.has('etc/passwd'))
    putLink(root, 'one', 'two')
    putLink(root, 'two', 'one')
    assert.throws(() => root.tree.follow('one'), { code: 'PACKAGE_INVALID' })
    assert.throws(() => putFile(root, '../x', 'x'), { code: 'PATH_ESCAPES' })
  })

  test('directories are made above what is put, and stay as they are', () => {
    const root = memoryRoot()
    putDirectory(root, 'a', { mode: 0o700 })
    putFile(root, 'a/b/c', 'x')
    putDirectory(root, 'a', { mode: 0o755 })
    assert.equal(root.tree.get('a')?.header.mode, 0o700)
    assert.equal(root.tree.get('a/b')?.header.type, 'directory')
    assert.deepEqual(root.tree.list('a'), ['b'])
    assert.throws(() => putFile(root, 'a/b/c/d', 'x'), { code: 'PACKAGES_CONFLICT' })
  })
})
