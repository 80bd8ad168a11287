import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { leastOfMonitor, logSegments, monitorLimit, prepareLog, tendLog } from './log-files.ts'

let directory = ''
let path = ''
const limits = { maxSize: 100, maxFiles: 3 }

/** As conmon does it: opens LOG.tmp, making it where it is missing, and renames it to LOG. */
function monitorGoesOn(text: string): void {
  writeFileSync(`${path}.tmp`, text)
  renameSync(`${path}.tmp`, path)
}

const texts = (): string[] => logSegments(path).map((segment) => readFileSync(segment.path, 'utf8'))

describe('the files of a log', () => {
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-log-'))
    path = join(directory, 'container.log')
  })
  afterEach(() => {
    rmSync(directory, { recursive: true })
  })

  test('have names before the monitor writes them', () => {
    prepareLog(path, limits)
    appendFileSync(path, 'a')
    monitorGoesOn('b')
    assert.deepEqual(texts(), ['a', 'b'])
  })

  test('get names when the monitor went on once more than was prepared for', () => {
    prepareLog(path, limits)
    appendFileSync(path, 'a')
    monitorGoesOn('b')
    monitorGoesOn('c')
    assert.deepEqual(texts(), ['a', 'b', 'c'])
    tendLog(path, limits)
    monitorGoesOn('d')
    assert.deepEqual(texts(), ['a', 'b', 'c', 'd'])
  })

  test('keep their order when the monitor goes on in the middle of the work', () => {
    prepareLog(path, limits)
    appendFileSync(path, 'a')
    monitorGoesOn('b')
    // Between the naming and the standby: c has no name although one is ready for the next.
    rmSync(`${path}.tmp`, { force: true })
    tendLog(path, limits)
    const standby = `${path}.tmp`
    renameSync(standby, `${standby}.kept`)
    monitorGoesOn('c')
    renameSync(`${standby}.kept`, standby)
    tendLog(path, { ...limits, maxFiles: 9 })
    monitorGoesOn('d')
    tendLog(path, { ...limits, maxFiles: 9 })
    assert.deepEqual(texts(), ['a', 'b', 'c', 'd'])
  })

  test('are the newest so many, and all are named before any goes', () => {
    prepareLog(path, limits)
    appendFileSync(path, '0')
    let seen: string[] = []
    for (let round = 1; round < 6; round++) {
      monitorGoesOn(String(round))
      tendLog(path, limits, () => {
        seen = texts()
      })
    }
    assert.deepEqual(seen, ['2', '3', '4', '5'])
    assert.deepEqual(texts(), ['3', '4', '5'])
  })

  test('go on in the next run, in a new one when the last is more than half full', () => {
    prepareLog(path, limits)
    appendFileSync(path, 'a')
    prepareLog(path, limits)
    appendFileSync(path, 'b')
    assert.deepEqual(texts(), ['ab'])
    appendFileSync(path, 'c'.repeat(80))
    prepareLog(path, limits)
    appendFileSync(path, 'd')
    assert.deepEqual(texts(), [`ab${'c'.repeat(80)}`, 'd'])
  })

  test('take in the one file of an older Gantry', () => {
    writeFileSync(path, 'a')
    assert.deepEqual(texts(), ['a'])
    tendLog(path, limits)
    monitorGoesOn('b')
    assert.deepEqual(texts(), ['a', 'b'])
  })

  test('are not made by reading', () => {
    assert.deepEqual(logSegments(path), [])
    assert.equal(existsSync(`${path}.d`), false)
  })

  test('do not come back when their directory was removed', () => {
    const gone = join(directory, 'gone', 'container.log')
    mkdirSync(join(directory, 'gone'))
    prepareLog(gone, limits)
    rmSync(join(directory, 'gone'), { recursive: true })
    assert.throws(() => {
      tendLog(gone, limits)
    }, /ENOENT/)
    assert.ok(!existsSync(join(directory, 'gone')))
  })

  test('the monitor is told a limit that it cannot outrun', () => {
    assert.equal(monitorLimit({ maxSize: 1000, maxFiles: 1 }), leastOfMonitor)
    assert.equal(monitorLimit({ maxSize: 1e9, maxFiles: 1 }), 1e9)
    assert.equal(monitorLimit({ maxSize: undefined, maxFiles: 1 }), undefined)
  })
})
