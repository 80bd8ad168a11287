import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CliError } from '../cli-error.ts'
import { parsePlace, planCopy, renamed, type CopySource, type CopyTarget } from './copy-plan.ts'

const file: CopySource = { path: 'a/f', name: 'f', isDirectory: false }
const directory: CopySource = { path: 'a/d', name: 'd', isDirectory: true }
const content: CopySource = { path: 'a/d/.', name: 'd', isDirectory: true }
const to = (path: string, state: CopyTarget['state']): CopyTarget => ({ path, state })

describe('planCopy', () => {
  for (const [what, source, target, expected] of [
    ['a file into a directory', file, to('/t', 'directory'), ['/t', 'f']],
    ['a file over a file', file, to('/t/g', 'file'), ['/t', 'g']],
    ['a file under a new name', file, to('/t/new', 'missing'), ['/t', 'new']],
    ['a file under a new name here', file, to('new', 'missing'), ['.', 'new']],
    ['a file under a new name at the root', file, to('/new', 'missing'), ['/', 'new']],
    ['a directory into a directory', directory, to('/t', 'directory'), ['/t', 'd']],
    ['a directory as a new one', directory, to('/t/new/', 'missing'), ['/t', 'new']],
    ['the content of a directory into one', content, to('/t', 'directory'), ['/t', '.']],
    ['the content of a directory as a new one', content, to('/t/new', 'missing'), ['/t', 'new']],
    ['the root', { path: '/', name: '/', isDirectory: true }, to('/t', 'directory'), ['/t', '.']],
  ] as const)
    test(what, () => {
      const { directory: into, name } = planCopy(source, target)
      assert.deepEqual([into, name], expected)
    })

  test('refuses a directory over a file, and a file into a directory that is not there', () => {
    assert.throws(() => planCopy(directory, to('/t', 'file')), CliError)
    assert.throws(() => planCopy(file, to('/t/', 'missing')), CliError)
  })
})

test('parsePlace tells containers from paths', () => {
  assert.deepEqual(parsePlace('-'), { kind: 'stream' })
  assert.deepEqual(parsePlace('c:/a:b'), { kind: 'container', container: 'c', path: '/a:b' })
  assert.deepEqual(parsePlace('./c:x'), { kind: 'local', path: './c:x' })
  assert.deepEqual(parsePlace('/c:x'), { kind: 'local', path: '/c:x' })
  assert.deepEqual(parsePlace('file'), { kind: 'local', path: 'file' })
})

test('renamed puts the new name in the place of the old one', () => {
  assert.equal(renamed('d', { from: 'd', to: 'n' }), 'n')
  assert.equal(renamed('d/x/y', { from: 'd', to: 'n' }), 'n/x/y')
  assert.equal(renamed('x', { from: '.', to: 'n' }), 'n/x')
  assert.equal(renamed('.', { from: '.', to: '.' }), '.')
  assert.equal(renamed('x', { from: '/', to: '.' }), 'x')
  assert.equal(renamed('d/x', { from: 'd', to: 'd' }), 'd/x')
})
