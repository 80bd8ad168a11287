import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Criu } from './criu.ts'

/** A program that answers `check` as the script says. */
function program(script: string): Disposable & { readonly directory: string; readonly path: string } {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-criu-'))
  const path = join(directory, 'criu')
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return { directory, path, [Symbol.dispose]: () => rmSync(directory, { recursive: true }) }
}

describe('CRIU', () => {
  test('that is not installed is missing', async () => {
    const expected = { code: 'CRIU_MISSING', message: /^Cannot try: "criu" is not installed$/ }
    await assert.rejects(new Criu(undefined).searchPath('Cannot try', '/bin'), expected)
  })

  test('that cannot work with this kernel is as good as missing, and says why', async () => {
    using made = program('echo "Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds" >&2; exit 1')
    const expected = { code: 'CRIU_MISSING', message: /cannot work here: vdso: Unexpected rt vDSO area bounds$/ }
    await assert.rejects(new Criu(made.path).searchPath('Cannot try', '/bin'), expected)
  })

  test('that works is found first, and is not asked again', async () => {
    using made = program('[ "$1" = check ] && echo >>"${0%/*}/asked" && [ "$(wc -l <"${0%/*}/asked")" = 1 ]')
    const criu = new Criu(made.path)
    assert.equal(await criu.searchPath('Cannot try', '/bin'), `${made.directory}:/bin`)
    assert.equal(await criu.searchPath('Cannot try', '/bin'), `${made.directory}:/bin`)
  })
})
