import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fullTable } from './top.ts'

test('the table is that of ps -ef', () => {
  const now = new Date(2024, 4, 20, 12, 0, 0).getTime()
  const row = { pid: 9, ppid: 1, uid: 0, cpuSeconds: 3725.9, terminal: undefined, command: 'sh -c x' }
  const { titles, processes } = fullTable(
    [
      { ...row, startedAt: new Date(2024, 4, 20, 9, 5, 0).getTime() },
      { ...row, uid: 4_000_000, terminal: 'pts/1', cpuSeconds: 0, startedAt: new Date(2024, 3, 2, 9, 5, 0).getTime() },
    ],
    now,
  )
  assert.deepEqual(titles, ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'])
  assert.deepEqual(processes, [
    ['root', '9', '1', '35', '09:05', '?', '01:02:05', 'sh -c x'],
    ['4000000', '9', '1', '0', 'Apr02', 'pts/1', '00:00:00', 'sh -c x'],
  ])
})
