import assert from 'node:assert/strict'
import type { StatsSample } from '@gantry/client'
import { test } from 'node:test'
import { usageOf, usageTexts } from './container-usage.ts'

const cpu = (total: number, host: number): StatsSample['cpu_stats'] => ({
  cpu_usage: { total_usage: total, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  system_cpu_usage: host,
  online_cpus: 2,
})
const network = { rx_packets: 0, rx_errors: 0, rx_dropped: 0, tx_packets: 0, tx_errors: 0, tx_dropped: 0 }
const sample: StatsSample = {
  id: 'a'.repeat(64),
  name: '/web',
  read: '',
  preread: '',
  pids_stats: { current: 3 },
  cpu_stats: cpu(300, 2000),
  precpu_stats: cpu(100, 1000),
  memory_stats: { usage: 3 * 1024 * 1024, limit: 10 * 1024 * 1024, stats: { inactive_file: 1024 * 1024 } },
  blkio_stats: {
    io_service_bytes_recursive: [
      { major: 0, minor: 0, op: 'read', value: 4096 },
      { major: 0, minor: 0, op: 'Write', value: 8_190_000 },
    ],
  },
  networks: { eth0: { ...network, rx_bytes: 1500, tx_bytes: 0 }, eth1: { ...network, rx_bytes: 500, tx_bytes: 10 } },
}

test('usage is reckoned and printed as Docker does it', () => {
  assert.deepEqual(usageTexts(usageOf(sample)), {
    cpu: '40.00%',
    memory: '2MiB / 10MiB',
    memoryShare: '20.00%',
    network: '2kB / 10B',
    blockIo: '4.1kB / 8.19MB',
    pids: '3',
  })
})

test('a first sample has no share of the processors yet', () => {
  const first = { ...sample, precpu_stats: { cpu_usage: sample.cpu_stats.cpu_usage } }
  assert.equal(usageOf(first).cpu, 0)
})

test('of a container that does not run nothing is known', () => {
  const nothing = { cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 } }
  const stopped = usageOf({
    ...sample,
    cpu_stats: nothing,
    memory_stats: {},
    pids_stats: {},
    blkio_stats: { io_service_bytes_recursive: null },
  })
  assert.equal(usageTexts(stopped).memory, '-- / --')
  assert.equal(usageTexts(stopped).pids, '--')
})
