import assert from 'node:assert/strict'
import { test } from 'node:test'
import { processRow, readProcesses } from './process-table.ts'

const stat = (name: string, terminal: number): string =>
  `42 (${name}) S 7 42 42 ${String(terminal)} -1 4194304 101 0 0 0 250 150 0 0 20 0 1 0 12345 3133440 384`

test('a row tells of a process what ps would', () => {
  const row = processRow({ booted: 1000, uid: 5, stat: stat('a) (b', 0x8803), commandLine: 'sh\0-c\0sleep 1\0' })
  assert.deepEqual(row, {
    pid: 42,
    ppid: 7,
    uid: 5,
    cpuSeconds: 4,
    startedAt: 1_123_450,
    terminal: 'pts/3',
    command: 'sh -c sleep 1',
  })
})

test('a process without arguments has its name, one without a terminal none', () => {
  const row = processRow({ booted: 0, uid: 0, stat: stat('kworker/0:1 (x)', 0), commandLine: '' })
  assert.equal(row.command, '[kworker/0:1 (x)]')
  assert.equal(row.terminal, undefined)
})

test('reads this process, and leaves out one that is not there', () => {
  const [row, ...more] = readProcesses([process.pid, 2 ** 22 + 1])
  assert.deepEqual(more, [])
  assert.equal(row?.pid, process.pid)
  assert.equal(row.ppid, process.ppid)
  assert.match(row.command, /node/)
  const age = Date.now() - row.startedAt
  assert.ok(age > -2000 && age < 3_600_000, `started ${String(age)} ms ago`)
})
