import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { checkRootfs } from './check-rootfs.ts'

describe('a root file system', () => {
  const base = mkdtempSync(join(tmpdir(), 'gantry-rootfs-'))
  after(() => rmSync(base, { recursive: true, force: true }))
  const rootfs = (): string => mkdtempSync(join(base, 'root-'))

  test('may have directories or nothing where the runtime mounts', () => {
    const root = rootfs()
    mkdirSync(join(root, 'proc'))
    checkRootfs(root)
  })

  for (const name of ['proc', 'sys', 'dev']) {
    test(`has no link and no file at /${name}`, () => {
      for (const make of [(path: string) => symlinkSync('/etc', path), (path: string) => writeFileSync(path, '')]) {
        const root = rootfs()
        make(join(root, name))
        assert.throws(() => checkRootfs(root), { code: 'SPEC_INVALID', subject: `/${name}` })
      }
    })
  }
})
