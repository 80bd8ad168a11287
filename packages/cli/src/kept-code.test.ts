import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { constants } from 'node:vm'
import { scriptOf } from './kept-code.ts'

const source = `(function () { function called() { return ${'1 + '.repeat(500)}1 } return called() })`
let runs = 0
const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER

function place(): Disposable & { readonly directory: string } {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-kept-'))
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true }) }
}

function run(directory: string, { digest = 'a1', use = 'run', calls = true } = {}): boolean | undefined {
  const kept = { directory: join(directory, 'commands'), digest, use }
  // Of another file: what this process itself has compiled is not taken.
  const filename = `/command-${String(runs++)}.cjs`
  const { script, keep } = scriptOf(source, { filename, importModuleDynamically, kept })
  if (calls) assert.equal((script.runInThisContext() as () => number)(), 501)
  keep()
  return script.cachedDataRejected
}

describe('compiled code that is kept', () => {
  test('is taken by the next run, with the functions that were called', () => {
    using at = place()
    assert.equal(run(at.directory, { use: 'uncalled', calls: false }), undefined)
    assert.equal(run(at.directory), undefined)
    const size = (use: string): number => readFileSync(join(at.directory, 'commands', `a1-${use}`)).length
    assert.ok(size('run') > size('uncalled'))
    assert.equal(run(at.directory), false)
  })

  test('goes when the program is another', () => {
    using at = place()
    run(at.directory)
    run(at.directory, { digest: 'b2' })
    assert.deepEqual(readdirSync(join(at.directory, 'commands')), ['b2-run'])
  })

  test('that is damaged is not used, and written anew', () => {
    using at = place()
    run(at.directory)
    const path = join(at.directory, 'commands/a1-run')
    const whole = readFileSync(path)
    writeFileSync(path, whole.subarray(0, 100))
    assert.equal(run(at.directory), true)
    assert.equal(run(at.directory), false)
  })

  test('is not needed: where nothing can be written, everything runs', () => {
    using at = place()
    writeFileSync(join(at.directory, 'commands'), '')
    assert.equal(run(at.directory), undefined)
    assert.deepEqual(readdirSync(at.directory), ['commands'])
  })
})
