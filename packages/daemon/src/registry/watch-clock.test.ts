import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watchClock } from './watch-clock.ts'

test('a clock that was set is told of, once for each time', async () => {
  const said: unknown[] = []
  let drift = 0
  const log = Object.assign((_level: string, _message: string, fields?: unknown) => void said.push(fields), {
    flush: () => undefined,
  })
  await using watch = watchClock(log, { every: 3_600_000, drift: () => drift })
  for (drift of [0, 59_000, 0, 3_600_000, 3_600_400, 3_599_000, -86_400_000, 0]) await watch.run()
  assert.deepEqual(said, [{ seconds: 3600 }, { seconds: -86_400 }])
})
