import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { logSegments, prepareLog, tendLog } from './log-files.ts'
import { LogKeeper } from './log-keeper.ts'
import { compareTimes, parseLogLine } from './log-line.ts'
import { readLog, type ReadLogOptions } from './read-log.ts'

let directory = ''
let count = 0

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-log-'))
})
after(() => {
  rmSync(directory, { recursive: true })
})

function fresh(content?: string): string {
  const path = join(directory, `log${String(count++)}`)
  if (content !== undefined) writeFileSync(path, content)
  return path
}

const time = (second: number, nanos = 0): string =>
  `2026-11-22T01:00:${String(second).padStart(2, '0')}.${String(nanos).padStart(9, '0')}+00:00`
const line = (text: string, second = 0, tag = 'F', stream = 'stdout'): string =>
  `${time(second)} ${stream} ${tag} ${text}\n`
const lines = (number: number): string =>
  Array.from({ length: number }, (_, index) => line(`line ${String(index)}`, index % 60)).join('')

async function texts(path: string, options?: ReadLogOptions): Promise<string[]> {
  const found: string[] = []
  for await (const entries of readLog(path, options))
    for (const { line: bytes, partial } of entries) found.push(Buffer.from(bytes).toString() + (partial ? '…' : ''))
  return found
}

describe('parseLogLine', () => {
  const parse = (text: string): ReturnType<typeof parseLogLine> => parseLogLine(Buffer.from(text))

  test('keeps nanoseconds and writes UTC', () => {
    assert.equal(parse('2026-11-22T03:00:00.123456789+02:00 stdout F x')?.time, '2026-11-22T01:00:00.123456789Z')
    assert.equal(parse('2026-11-22T01:00:00.123456789Z stderr P x')?.time, '2026-11-22T01:00:00.123456789Z')
  })

  test('keeps spaces of the text', () => {
    assert.equal(Buffer.from(parse(`${time(0)} stdout F  a  b `)?.line ?? []).toString(), ' a  b ')
  })

  test('takes an empty line', () => {
    assert.equal(parse(`${time(0)} stdout F `)?.line.length, 0)
    assert.equal(parse(`${time(0)} stdout F`)?.line.length, 0)
  })

  for (const text of [
    '',
    'x',
    'x y z',
    `${time(0)} stdin F x`,
    `${time(0)} stdout X x`,
    'nonsense-of-the-right-length stdout F x',
  ]) {
    test(`refuses "${text}"`, () => {
      assert.equal(parse(text), undefined)
    })
  }

  test('compares times to the nanosecond', () => {
    assert.equal(compareTimes('2026-01-01T00:00:00.000000001Z', '2026-01-01T00:00:00.000000002Z'), -1)
    assert.equal(compareTimes('2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000Z'), 0)
  })
})

describe('readLog', () => {
  test('reads all, and nothing where there is no log', async () => {
    assert.deepEqual(await texts(fresh(line('a') + line('b', 1, 'P') + line('c', 2))), ['a', 'b…', 'c'])
    assert.deepEqual(await texts(fresh()), [])
  })

  test('passes over lines that are not of the form', async () => {
    assert.deepEqual(await texts(fresh(`garbage\n${line('a')}\n`)), ['a'])
  })

  test('reads lines that are longer than a block', async () => {
    const long = 'x'.repeat(700_000)
    assert.deepEqual(await texts(fresh(line(long) + line('b'))), [long, 'b'])
  })

  for (const [tail, expected] of [
    [0, []],
    [1, ['line 9999']],
    [3, ['line 9997', 'line 9998', 'line 9999']],
  ] as const) {
    test(`reads the last ${String(tail)}`, async () => {
      assert.deepEqual(await texts(fresh(lines(10_000)), { tail }), expected)
    })
  }

  test('reads all when the tail is longer than the log', async () => {
    assert.equal((await texts(fresh(lines(10)), { tail: 100 })).length, 10)
    assert.equal((await texts(fresh(lines(10)), { tail: 10 })).length, 10)
    assert.equal((await texts(fresh(''), { tail: 10 })).length, 0)
  })

  test('counts the pieces of a line once', async () => {
    const path = fresh(line('a') + line('b', 1, 'P') + line('b2', 1) + line('c', 2))
    assert.deepEqual(await texts(path, { tail: 2 }), ['b…', 'b2', 'c'])
  })

  test('keeps to since and until', async () => {
    const path = fresh(lines(10))
    assert.deepEqual(await texts(path, { since: time(8) }), ['line 8', 'line 9'])
    assert.deepEqual(await texts(path, { until: time(1) }), ['line 0', 'line 1'])
  })

  test('follows without loss until it is done', async () => {
    const path = fresh()
    const done = new AbortController()
    const reading = texts(path, { follow: true, done: done.signal })
    for (let index = 0; index < 300; index++) {
      appendFileSync(path, line(String(index)))
      if (index % 50 === 0) await sleep(2)
    }
    done.abort()
    assert.deepEqual(
      await reading,
      Array.from({ length: 300 }, (_, index) => String(index)),
    )
  })

  test('finds what is written while it looks for the first time', async () => {
    for (let round = 0; round < 100; round++) {
      const path = fresh()
      const done = new AbortController()
      const reading = texts(path, { follow: true, done: done.signal })
      if (round % 2 === 0) await Promise.resolve()
      writeFileSync(path, line('all'))
      done.abort()
      assert.deepEqual(await reading, ['all'])
    }
  })

  test('follows half-written lines', async () => {
    const path = fresh('')
    const done = new AbortController()
    const reading = texts(path, { follow: true, done: done.signal })
    const text = line('in two parts')
    appendFileSync(path, text.slice(0, 45))
    await sleep(10)
    appendFileSync(path, text.slice(45))
    await sleep(10)
    done.abort()
    assert.deepEqual(await reading, ['in two parts'])
  })

  test('follows from file to file', async () => {
    const path = fresh()
    const limits = { maxSize: 1000, maxFiles: 2 }
    prepareLog(path, limits)
    writeFileSync(path, line('old'))
    const done = new AbortController()
    const reading = texts(path, { follow: true, done: done.signal })
    await sleep(10)
    renameSync(`${path}.tmp`, path)
    writeFileSync(path, line('new'))
    await sleep(20)
    appendFileSync(path, line('newer'))
    await sleep(20)
    done.abort()
    assert.deepEqual(await reading, ['old', 'new', 'newer'])
  })

  test('reads all files, and the last lines of them', async () => {
    const path = fresh()
    const limits = { maxSize: 1000, maxFiles: 10 }
    prepareLog(path, limits)
    for (const text of ['a', 'b', 'c', 'd']) {
      writeFileSync(path, line(`${text}1`) + line(`${text}2`))
      renameSync(`${path}.tmp`, path)
      tendLog(path, limits)
    }
    writeFileSync(path, line('e'))
    assert.deepEqual(await texts(path), ['a1', 'a2', 'b1', 'b2', 'c1', 'c2', 'd1', 'd2', 'e'])
    assert.deepEqual(await texts(path, { tail: 4 }), ['c2', 'd1', 'd2', 'e'])
    assert.deepEqual(await texts(path, { tail: 5 }), ['c1', 'c2', 'd1', 'd2', 'e'])
    assert.deepEqual(await texts(path, { tail: 0 }), [])
  })

  test('loses nothing of files that are removed before it comes to them', async () => {
    const path = fresh()
    const limits = { maxSize: 200, maxFiles: 1 }
    prepareLog(path, limits)
    // As the monitor does when it is told to.
    const keeper = new LogKeeper({ path, limits, reopen: async () => renameSync(`${path}.tmp`, path) })
    const done = new AbortController()
    const reading = texts(path, { follow: true, done: done.signal, keeper })
    const written = Array.from({ length: 200 }, (_, index) => String(index))
    for (const text of written) {
      appendFileSync(path, line(text))
      keeper.tend()
    }
    assert.equal(logSegments(path).length, 1)
    done.abort()
    assert.deepEqual(await reading, written)
    keeper.close()
  })

  test('ends at once on the signal', async () => {
    const stop = new AbortController()
    const reading = texts(fresh(line('a')), { follow: true, signal: stop.signal })
    await sleep(10)
    stop.abort()
    assert.deepEqual(await reading, ['a'])
  })
})
