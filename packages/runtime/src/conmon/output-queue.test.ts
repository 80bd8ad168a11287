import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { OutputQueue, queueLimit } from './output-queue.ts'

function queue(stallLimit: number): { queue: OutputQueue; flow: string[] } {
  const flow: string[] = []
  return {
    flow,
    queue: new OutputQueue({ pause: () => flow.push('pause'), resume: () => flow.push('resume') }, stallLimit),
  }
}

const chunk = (size: number): { stream: 'stdout'; data: Uint8Array } => ({
  stream: 'stdout',
  data: new Uint8Array(size),
})

async function sizes(output: OutputQueue): Promise<number> {
  let sum = 0
  for await (const each of output) sum += each.data.length
  return sum
}

describe('OutputQueue', () => {
  test('gives what was pushed, then ends', async () => {
    const { queue: output } = queue(0)
    output.push(chunk(3))
    output.push(chunk(4))
    output.end()
    assert.equal(await sizes(output), 7)
  })

  test('holds the source back at 1 MiB and lets it go on when half is read', async () => {
    const { queue: output, flow } = queue(10_000)
    for (let index = 0; index < 17; index++) output.push(chunk(queueLimit / 16))
    assert.deepEqual(flow, ['pause'])
    const reader = output[Symbol.asyncIterator]()
    for (let index = 0; index < 10; index++) await reader.next()
    assert.deepEqual(flow, ['pause', 'resume'])
    output.end()
  })

  test('cuts off a client that takes nothing', async () => {
    const { queue: output, flow } = queue(10)
    output.push(chunk(queueLimit + 1))
    await sleep(40)
    assert.deepEqual(flow, ['pause', 'resume'])
    output.push(chunk(5))
    await assert.rejects(sizes(output), { code: 'ATTACH_OVERFLOW' })
  })

  test('cuts off at once when told so', async () => {
    const { queue: output } = queue(0)
    output.push(chunk(queueLimit + 1))
    await assert.rejects(sizes(output), { code: 'ATTACH_OVERFLOW' })
  })

  test('throws away after a drop and ends', async () => {
    const { queue: output } = queue(0)
    output.push(chunk(1))
    output.drop()
    output.push(chunk(queueLimit * 2))
    assert.equal(await sizes(output), 0)
  })
})
