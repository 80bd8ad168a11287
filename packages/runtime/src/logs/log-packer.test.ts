import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { logSegments, prepareLog, tendLog } from './log-files.ts'
import { LogKeeper } from './log-keeper.ts'
import { LogPacker } from './log-packer.ts'
import { readLog, type ReadLogOptions } from './read-log.ts'

interface Log extends Disposable {
  readonly path: string
  /** Writes a file of the log and goes on to the next, as the monitor does. */
  write(lines: readonly string[]): void
}

const limits = { maxSize: 1000, maxFiles: 20, compress: true }

function makeLog(): Log {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-packed-'))
  const path = join(directory, 'container.log')
  prepareLog(path, limits)
  return {
    path,
    write(lines) {
      writeFileSync(path, lines.map((text) => `2026-11-22T01:00:00.000000000Z stdout F ${text}\n`).join(''))
      renameSync(`${path}.tmp`, path)
      tendLog(path, limits)
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  }
}

async function texts(path: string, options?: ReadLogOptions): Promise<string[]> {
  const found: string[] = []
  for await (const entries of readLog(path, options)) {
    for (const { line } of entries) found.push(Buffer.from(line).toString())
  }
  return found
}

const forms = (path: string): boolean[] => logSegments(path).map(({ packed }) => packed)

describe('compressed files of a log', () => {
  test('are those that the monitor has done with, and are read like the others', async () => {
    using log = makeLog()
    for (const name of ['a', 'b', 'c']) log.write([`${name}1`, `${name}2`])
    writeFileSync(log.path, '2026-11-22T01:00:00.000000000Z stdout F d1\n')
    await new LogPacker(log.path).pack()
    assert.deepEqual(forms(log.path), [true, true, true, false])
    assert.deepEqual(await texts(log.path), ['a1', 'a2', 'b1', 'b2', 'c1', 'c2', 'd1'])
    assert.deepEqual(await texts(log.path, { tail: 4 }), ['b2', 'c1', 'c2', 'd1'])
    const [first] = logSegments(log.path)
    assert.match(gunzipSync(readFileSync(first?.path ?? '')).toString(), / a1\n.* a2\n$/)
    // Nothing that a reader made is left.
    assert.deepEqual(
      readdirSync(join(log.path, '..')).filter((name) => name.includes('read-')),
      [],
    )
  })

  test('count as the files that they were, and go as the oldest', async () => {
    using log = makeLog()
    for (const name of ['a', 'b', 'c']) log.write([name])
    await new LogPacker(log.path).pack()
    writeFileSync(log.path, '2026-11-22T01:00:00.000000000Z stdout F d\n')
    tendLog(log.path, { ...limits, maxFiles: 2 })
    assert.deepEqual(await texts(log.path), ['c', 'd'])
  })

  test('lose nothing for who follows while they are made', async () => {
    using log = makeLog()
    const done = new AbortController()
    const keeper = new LogKeeper({ path: log.path, limits, reopen: () => Promise.resolve() })
    const reading = texts(log.path, { follow: true, done: done.signal, keeper })
    const written = Array.from({ length: 60 }, (_, index) => `line ${String(index)}`)
    const packer = new LogPacker(log.path)
    for (let at = 0; at < written.length; at += 4) {
      log.write(written.slice(at, at + 4))
      keeper.tend()
      if (at % 12 === 0) await packer.pack()
    }
    done.abort()
    assert.deepEqual(await reading, written)
    keeper.close()
  })

  test('are made by the keeper', async () => {
    using log = makeLog()
    const packed = new Promise<void>((resolve) => {
      const watcher = watch(`${log.path}.d`, (_, name) => {
        if (name?.endsWith('.gz') !== true) return
        watcher.close()
        resolve()
      })
    })
    log.write(['a'])
    const keeper = new LogKeeper({ path: log.path, limits, reopen: () => Promise.resolve() })
    writeFileSync(log.path, '2026-11-22T01:00:00.000000000Z stdout F b\n')
    keeper.tend()
    await packed
    keeper.close()
    assert.deepEqual(await texts(log.path), ['a', 'b'])
  })

  test('are whole or not there when who makes them is killed', async () => {
    using log = makeLog()
    const written = Array.from({ length: 3 }, () =>
      Array.from({ length: 4000 }, () => randomBytes(300).toString('base64')),
    )
    for (const lines of written) log.write(lines)
    writeFileSync(log.path, '2026-11-22T01:00:00.000000000Z stdout F end\n')
    const all = [...written.flat(), 'end']
    const half = `${log.path}.gz.tmp`
    const begun = new Promise<void>((resolve) => {
      const watcher = watch(join(log.path, '..'), (_, name) => {
        if (name !== basename(half)) return
        watcher.close()
        resolve()
      })
    })
    const program = fileURLToPath(new URL('../fixtures/pack-log.ts', import.meta.url))
    const child = spawn(process.execPath, [...process.execArgv, program, log.path], { stdio: 'inherit' })
    const ended = once(child, 'exit')
    await begun
    child.kill('SIGKILL')
    await ended
    assert.deepEqual(await texts(log.path), all)
    // The next one begins afresh, also where both forms were left.
    const packer = new LogPacker(log.path)
    assert.equal(existsSync(half), false)
    await packer.pack()
    assert.deepEqual(forms(log.path), [true, true, true, false])
    assert.deepEqual(await texts(log.path), all)
    const [first] = logSegments(log.path)
    const twin = join(`${log.path}.d`, String(first?.number))
    writeFileSync(twin, 'left')
    tendLog(log.path, limits)
    assert.equal(existsSync(twin), false)
    assert.deepEqual(await texts(log.path), all)
  })

  test('are told as lost when they are damaged', async () => {
    using log = makeLog()
    log.write(['a'])
    writeFileSync(log.path, '')
    await new LogPacker(log.path).pack()
    writeFileSync(logSegments(log.path)[0]?.path ?? '', 'no gzip')
    await assert.rejects(texts(log.path), { code: 'LOG_LOST' })
  })

  test('are given up when the keeper closes', async () => {
    using log = makeLog()
    log.write(['a'])
    writeFileSync(log.path, '')
    const packer = new LogPacker(log.path)
    const working = packer.pack()
    packer.close()
    await working
    assert.equal(existsSync(`${log.path}.gz.tmp`), false)
    assert.deepEqual(await texts(log.path), ['a'])
  })
})
