import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ContainerRecord, Engine } from '@gantry/engine'
import { containerSummary } from './container-inspect.ts'
import { summaryText } from './summary-text.ts'

// Only what a row is made of.
const record = {
  id: 'ab'.repeat(32),
  name: 'web',
  created: 1000,
  image: { id: `sha256:${'cd'.repeat(32)}` },
  spec: {
    image: 'app',
    entrypoint: [],
    command: ['sleep', '1'],
    labels: { text: 'a "quoted" \u0000 label' },
    exposed: [],
    mounts: [{ type: 'volume', name: 'data', target: '/data', readonly: false, anonymous: false, copyUp: true }],
    network: { kind: 'none' },
  },
  status: 'running',
  progress: { pid: 7, startedAt: 2000, endpoints: [] },
} as unknown as ContainerRecord
const engine = { volumePath: (name: string) => `/volumes/${name}/_data` } as unknown as Engine

test('summaryText is the text of the row, also when time has passed', () => {
  for (const now of [3000, 3000, 70_000, 7_200_000])
    assert.deepEqual(
      JSON.parse(summaryText(record, { engine, now })),
      JSON.parse(JSON.stringify(containerSummary(record, { engine, now }))),
    )
})
