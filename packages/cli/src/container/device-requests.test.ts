import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deviceBytes, deviceOperations, deviceWeight } from './device-limits.ts'
import { deviceRequests, isCdiDevice } from './device-requests.ts'

const gpu = [['gpu']]

test('devices are asked for by name, GPUs by their number', () => {
  const rows: readonly (readonly [device: readonly string[], gpus: string | undefined, expected: unknown])[] = [
    [[], undefined, []],
    [['/dev/a:/dev/b', 'v.com/c=x'], undefined, [{ Driver: 'cdi', DeviceIDs: ['v.com/c=x'] }]],
    [[], 'all', [{ Count: -1, Capabilities: gpu }]],
    [[], '2', [{ Count: 2, Capabilities: gpu }]],
    [[], 'device=0,1', [{ DeviceIDs: ['0', '1'], Capabilities: gpu }]],
    [[], '"device=0,1"', [{ DeviceIDs: ['0', '1'], Capabilities: gpu }]],
  ]
  for (const [device, gpus, expected] of rows) assert.deepEqual(deviceRequests({ device, gpus }), expected)
  assert.throws(() => deviceRequests({ device: [], gpus: 'some' }), { code: 'INVALID' })
  assert.deepEqual(['/dev/x', 'v.com/c', 'v.com/c=x', '/v.com/c=x'].map(isCdiDevice), [false, false, true, false])
})

test('limits of devices are a path below /dev and a value', () => {
  assert.deepEqual(deviceBytes('/dev/sda:10mb'), { Path: '/dev/sda', Rate: 10 * 1024 * 1024 })
  assert.deepEqual(deviceOperations('/dev/sda:500'), { Path: '/dev/sda', Rate: 500 })
  assert.deepEqual(deviceWeight('/dev/sda:500'), { Path: '/dev/sda', Weight: 500 })
  for (const bad of ['/dev/sda', 'sda:1', '/dev/sda:', '/dev/sda:x', ':1'])
    assert.throws(() => deviceOperations(bad), { code: 'INVALID' }, bad)
})
