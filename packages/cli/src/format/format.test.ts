import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatPorts } from './format-ports.ts'
import { humanDuration, parseDuration, parseMoment, shortDuration } from './human-duration.ts'
import { humanSize, parseBytes } from './human-size.ts'
import { printRows } from './print-rows.ts'
import { ellipsis, shortId } from './short-id.ts'
import { tabulate } from './tabulate.ts'

const second = 1000
const hour = 3600 * second
const day = 24 * hour

describe('humanDuration rounds as docker does', () => {
  for (const [milliseconds, expected] of [
    [0, 'Less than a second'],
    [999, 'Less than a second'],
    [second, '1 second'],
    [59 * second, '59 seconds'],
    [60 * second, 'About a minute'],
    [119 * second, 'About a minute'],
    [46 * 60 * second, '46 minutes'],
    [59 * 60 * second, '59 minutes'],
    [hour, 'About an hour'],
    [89 * 60 * second, 'About an hour'],
    [90 * 60 * second, '2 hours'],
    [47 * hour, '47 hours'],
    [48 * hour, '2 days'],
    [13 * day, '13 days'],
    [14 * day, '2 weeks'],
    [59 * day, '8 weeks'],
    [60 * day, '2 months'],
    [729 * day, '24 months'],
    [730 * day, '2 years'],
  ] as const) {
    test(`${milliseconds} ms is ${expected}`, () => assert.equal(humanDuration(milliseconds), expected))
  }
})

test('shortDuration is exact where that helps', () => {
  assert.deepEqual([1.234, 250, 3210, 61_000, 125_400].map(shortDuration), ['1.2ms', '250ms', '3.2s', '1m01s', '2m05s'])
})

test('parseDuration takes Go durations and nothing else', () => {
  assert.deepEqual(['1m30s', '250ms', '1.5h', '0', '-10s', '10', 'x', ''].map(parseDuration), [
    90_000,
    250,
    5_400_000,
    0,
    -10_000,
    undefined,
    undefined,
    undefined,
  ])
})

test('parseMoment takes Unix times, dates and durations before now', () => {
  const now = Date.parse('2024-06-01T12:00:00Z')
  assert.equal(parseMoment('1717243200', now), '1717243200')
  assert.equal(parseMoment('1717243200.5', now), '1717243200.5')
  assert.equal(parseMoment('10m', now), '1717242600.000')
  assert.equal(parseMoment('2024-06-01T12:00:00Z', now), '1717243200')
  assert.equal(parseMoment('2024-06-01T12:00:00.123456789Z', now), '1717243200.123456789')
  assert.throws(() => parseMoment('soon', now))
})

test('humanSize has three digits and decimal units', () => {
  assert.deepEqual([0, 1, 999, 1000, 1234, 7_340_000, 142_300_000, 999_999, 1.2e12].map(humanSize), [
    '0B',
    '1B',
    '999B',
    '1kB',
    '1.23kB',
    '7.34MB',
    '142MB',
    '1MB',
    '1.2TB',
  ])
})

test('parseBytes takes binary units and refuses others', () => {
  assert.deepEqual(
    ['512', '1k', '64m', '1.5g', '2GiB', '1KB', '10B'].map(parseBytes),
    [512, 1024, 67_108_864, 1_610_612_736, 2_147_483_648, 1024, 10],
  )
  for (const text of ['5zz', '', 'm', '-1', '1 2']) assert.throws(() => parseBytes(text), text)
})

test('tabulate pads columns to ten and to their widest cell, but never the last', () => {
  assert.equal(
    tabulate([
      ['A', 'BB', 'C'],
      ['a long cell', 'x', 'end'],
    ]),
    'A             BB        C\na long cell   x         end\n',
  )
})

test('ellipsis and shortId cut where tables do', () => {
  assert.equal(ellipsis('0123456789', 10), '0123456789')
  assert.equal(ellipsis('0123456789x', 10), '012345678…')
  assert.equal(shortId(`sha256:${'ab'.repeat(32)}`), 'abababababab')
})

test('formatPorts joins neighbours and keeps what is mapped to other ports', () => {
  const published = (PrivatePort: number, PublicPort: number, IP = '0.0.0.0') => ({
    IP,
    PrivatePort,
    PublicPort,
    Type: 'tcp',
  })
  assert.equal(formatPorts([]), '')
  assert.equal(
    formatPorts([{ PrivatePort: 443, Type: 'tcp' }, published(80, 8080), published(80, 8080, '::')]),
    '443/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp',
  )
  assert.equal(
    formatPorts([published(80, 80), published(81, 81), published(82, 82), published(90, 90)]),
    '0.0.0.0:80-82->80-82/tcp, 0.0.0.0:90->90/tcp',
  )
})

describe('printRows', () => {
  const rows = [
    { id: 'aaa', name: 'web' },
    { id: 'bbb', name: 'database' },
  ]
  const show = (format: string | undefined): string => {
    let text = ''
    const out = {
      write: (data: string | Uint8Array) => void (text += String(data)),
      stream: () => Promise.resolve(),
      isTerminal: false,
      columns: 80,
    }
    printRows(
      out,
      rows,
      { ID: ['CONTAINER ID', (row) => row.id], Names: ['NAMES', (row) => row.name] },
      { format, shown: ['ID', 'Names'], methods: { Label: (row, key) => `${key} of ${row.name}` } },
    )
    return text
  }
  test('prints the default table', () =>
    assert.equal(show(undefined), 'CONTAINER ID   NAMES\naaa            web\nbbb            database\n'))
  test('prints a table of a template', () =>
    assert.equal(show('table {{.Names}}\\t{{.ID}}'), 'NAMES      CONTAINER ID\nweb        aaa\ndatabase   bbb\n'))
  test('prints a template for each row', () => assert.equal(show('{{.ID}}: {{.Names}}'), 'aaa: web\nbbb: database\n'))
  test('prints JSON lines', () =>
    assert.equal(show('json'), '{"ID":"aaa","Names":"web"}\n{"ID":"bbb","Names":"database"}\n'))
  test('gives methods their argument', () => assert.equal(show('{{.Label "x"}}'), 'x of web\nx of database\n'))
  test('refuses a column that is not there', () => assert.throws(() => show('{{.Nothing}}'), { code: 'TEMPLATE' }))
})
