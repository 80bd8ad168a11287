import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitWatch, type ExitNote } from './exit-watch.ts'

let directory = ''

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-exits-'))
})
after(() => {
  rmSync(directory, { recursive: true })
})

// As conmon does it.
function note(id: string, text: string): void {
  writeFileSync(join(directory, `.${id}`), text)
  renameSync(join(directory, `.${id}`), join(directory, id))
}

const exitOf = (watch: ExitWatch, id: string): Promise<ExitNote> => new Promise((resolve) => watch.onExit(id, resolve))

describe('ExitWatch', () => {
  test('tells an end that comes, and one that has come', async () => {
    const watch = new ExitWatch(directory)
    const waiting = exitOf(watch, 'a')
    await sleep(5)
    note('a', '7')
    assert.equal((await waiting).exitCode, 7)
    assert.equal((await exitOf(watch, 'a')).exitCode, 7)
    watch.close()
  })

  test('misses none of many', async () => {
    const watch = new ExitWatch(directory)
    const ids = Array.from({ length: 100 }, (_, index) => `m${String(index)}`)
    const waiting = ids.map((id) => exitOf(watch, id))
    for (const [index, id] of ids.entries()) note(id, String(index))
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ exitCode }) => exitCode),
      ids.map((_, index) => index),
    )
    watch.close()
  })

  test('does not call back who has stopped waiting', async () => {
    const watch = new ExitWatch(directory)
    let calls = 0
    const stop = watch.onExit('s', () => {
      calls += 1
    })
    stop()
    note('s', '0')
    await sleep(20)
    assert.equal(calls, 0)
    watch.close()
  })

  test('reads what is no number as 255', () => {
    note('x', '-1')
    assert.equal(new ExitWatch(directory).read('x')?.exitCode, 255)
    assert.equal(new ExitWatch(directory).read('unknown'), undefined)
  })
})
