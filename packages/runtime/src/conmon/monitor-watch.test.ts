import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { processStartTime, type ProcessIdentity } from '@gantry/linux'
import { MonitorWatch } from './monitor-watch.ts'

const identityOf = (pid = 0): ProcessIdentity => ({ pid, startTime: processStartTime(pid) ?? '' })

describe('MonitorWatch', () => {
  test('tells of an end once, and of that of a process whose number is another’s by now at once', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const watch = new MonitorWatch()
    const child = spawn('sleep', ['1000'])
    const told: string[] = []
    watch.onEnd(identityOf(child.pid), () => told.push('child'))
    watch.onEnd(identityOf(process.pid), () => told.push('this process'))
    const stop = watch.onEnd(identityOf(child.pid), () => told.push('nobody asks any more'))
    stop()
    await new Promise<void>((resolve) => {
      watch.onEnd({ pid: process.pid, startTime: '1' }, resolve)
    })
    t.mock.timers.tick(60_000)
    assert.deepEqual(told, [])
    child.kill('SIGKILL')
    await once(child, 'exit')
    t.mock.timers.tick(4000)
    assert.deepEqual(told, ['child'])
  })
})
