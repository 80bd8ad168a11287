import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { declarationKey, formatLock } from '@gantry/builder'
import { isCurrent, openDeclaration } from './declaration.ts'
import { changeLines, eventText } from './tell-base.ts'

let directory = ''

describe('a declaration and its lock', () => {
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-declaration-'))
  })
  after(() => rmSync(directory, { recursive: true }))

  test('are read together, and belong together until packages change', async () => {
    const file = join(directory, 'gantry-base.json')
    writeFileSync(file, '{"name":"localhost/x","packages":["libc6"]}')
    const first = await openDeclaration(file)
    assert.equal(first.lock, undefined)
    assert.equal(isCurrent(first), false)
    const declaration = declarationKey(first.declared)
    const lock = { distribution: { id: 'debian', codename: 'bookworm' }, declaration, architectures: {} } as const
    writeFileSync(first.lockPath, formatLock(lock))
    assert.equal(isCurrent(await openDeclaration(file)), true)
    writeFileSync(file, '{"name":"localhost/x","packages":["libc6","zlib1g"]}')
    assert.equal(isCurrent(await openDeclaration(file)), false)
  })

  test('a file that is not there is named, with what to write', async () => {
    await assert.rejects(openDeclaration(join(directory, 'none.json')), { code: 'INVALID', message: /none\.json/ })
  })
})

test('changes are told a package a line', () => {
  const architecture = 'amd64'
  assert.deepEqual(
    changeLines([
      { architecture, name: 'a', from: '1', to: '2' },
      { architecture, name: 'b', to: '1' },
      { architecture, name: 'c', from: '1' },
      { architecture, name: 'd', from: '1', to: '1' },
    ]),
    ['~ a 1 → 2 [amd64]', '+ b 1 [amd64]', '- c 1 [amd64]', '~ d 1 (other bytes) [amd64]'],
  )
})

test('what is not done of a script is told also when nothing else is', () => {
  const commands = ['make-things --all', 'chmod x']
  const event = { kind: 'base-skipped', name: 'x', package: 'libx1', script: 'postinst', commands } as const
  const brief = '  not done of libx1 (postinst): make-things --all (and 1 more commands)\n'
  assert.equal(eventText(event, { quiet: true, verbose: false }), brief)
  assert.equal(eventText(event, { quiet: true, verbose: true }), `${brief}    chmod x\n`)
  assert.equal(eventText({ kind: 'base-step', name: 'x', message: 'y' }, { quiet: true, verbose: false }), '')
})
