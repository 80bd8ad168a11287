import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { workerUrl } from './worker-url.ts'

test('workerUrl finds the entry beside a source, and above a chunk of a bundle', () => {
  assert.equal(workerUrl('x-worker', 'file:///src/sys/x.ts').href, 'file:///src/sys/x-worker.ts')
  const dist = mkdtempSync(join(tmpdir(), 'gantry-dist-'))
  mkdirSync(join(dist, 'chunks'))
  writeFileSync(join(dist, 'x-worker.js'), '')
  const expected = pathToFileURL(join(dist, 'x-worker.js')).href
  assert.equal(workerUrl('x-worker', pathToFileURL(join(dist, 'chunks/a.js')).href).href, expected)
  assert.equal(workerUrl('x-worker', pathToFileURL(join(dist, 'cli.js')).href).href, expected)
  rmSync(dist, { recursive: true })
})
