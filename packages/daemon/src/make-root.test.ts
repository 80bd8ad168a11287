import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeRoot } from './make-root.ts'

describe('makeRoot', () => {
  let scratch = ''
  before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'gantry-root-'))
  })
  after(() => rmSync(scratch, { recursive: true, force: true }))

  test('makes a directory with its parents, and takes one that is there', () => {
    const root = join(scratch, 'a/b/c')
    makeRoot(root)
    makeRoot(root)
    assert.ok(statSync(root).isDirectory())
  })

  test('says what stands in the way', () => {
    const file = join(scratch, 'file')
    writeFileSync(file, '')
    assert.throws(() => makeRoot(file), { code: 'ROOT_UNUSABLE' })
    assert.throws(() => makeRoot(join(file, 'below')), { code: 'ROOT_UNUSABLE' })
  })

  test('comes to an end where the kernel takes no directories', () => {
    assert.throws(() => makeRoot('/proc/no/root'), { code: 'ROOT_UNUSABLE' })
  })
})
