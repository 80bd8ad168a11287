import type { BuildEvent, BuildStep } from '@gantry/builder'
import type { ProgressMessage } from '@gantry/client'
import type { Output } from '../output.ts'
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { jsonBuildView } from './json-build-view.ts'
import { LiveLines, cutVisible } from './live-lines.ts'
import { plainBuildView } from './plain-build-view.ts'
import { showTransfer } from './show-transfer.ts'
import { StepOutput } from './step-output.ts'
import { terminalBuildView } from './terminal-build-view.ts'
import { summaryLine } from './transfer-summary.ts'
import { transferLine, updateTransfer } from './transfer-line.ts'

/** An output that keeps what was written, and what a terminal would show of it. */
function screen(isTerminal: boolean): Output & { text: string; shown(): string[] } {
  return {
    text: '',
    isTerminal,
    columns: 80,
    write(data) {
      this.text += typeof data === 'string' ? data : Buffer.from(data).toString()
    },
    stream(data) {
      this.write(data)
      return Promise.resolve()
    },
    shown() {
      const lines = ['']
      let row = 0
      // eslint-disable-next-line no-control-regex -- a terminal's control sequences
      for (const [part, count, verb] of this.text.matchAll(/\u001b\[(\d*)([A-Za-z])|\n|\r|[^\u001b\n\r]+/g)) {
        if (verb === 'A') row -= Number(count)
        else if (verb === 'J') lines.length = row + 1
        else if (part === '\n') {
          row += 1
          lines[row] ??= ''
        } else if (part !== '\r' && verb === undefined) lines[row] += part
        if (verb === 'J') lines[row] = ''
      }
      return lines.slice(0, -1)
    },
  }
}

const decode = (text: string): Uint8Array => new TextEncoder().encode(text)
const position = { offset: 0, line: 1, column: 1 }
const range = { start: position, end: position }
const step = (id: number, text: string): BuildStep => ({
  id,
  stage: 0,
  stageName: 'app',
  position: id + 1,
  total: 2,
  kind: 'run',
  text,
  range,
})

// A digest is branded text; these tests only print it.
const digest = `sha256:${'ab'.repeat(32)}` as Extract<BuildEvent, { kind: 'done' }>['imageId']

const events: readonly BuildEvent[] = [
  { kind: 'plan', steps: [step(0, 'FROM debian'), step(1, 'RUN make')], stages: [{ index: 0, name: 'app', steps: 2 }] },
  { kind: 'step-start', step: step(0, 'FROM debian') },
  { kind: 'step-done', step: step(0, 'FROM debian'), cached: true, duration: 1 },
  { kind: 'step-start', step: step(1, 'RUN make') },
  { kind: 'output', step: step(1, 'RUN make'), stream: 'stdout', data: decode('one\ntw') },
  { kind: 'output', step: step(1, 'RUN make'), stream: 'stdout', data: decode('o\nthree') },
]
const ending: readonly BuildEvent[] = [
  { kind: 'step-done', step: step(1, 'RUN make'), cached: false, duration: 3210, size: 7_340_000 },
  {
    kind: 'done',
    descriptor: { mediaType: 'x', digest, size: 1 },
    imageId: digest,
    tags: ['localhost/app:latest'],
    duration: 3300,
  },
]

describe('the plain view of a build', () => {
  test('prints whole lines with the number of their step', () => {
    const out = screen(false)
    const view = plainBuildView(out, () => 0)
    for (const event of [...events, ...ending]) view.event(event)
    assert.deepEqual(out.text.split('\n'), [
      '#1 [app 1/2] FROM debian',
      '#1 CACHED',
      '#2 [app 2/2] RUN make',
      '#2 0.0 one',
      '#2 0.0 two',
      '#2 0.0 three',
      '#2 DONE 3.2s (7.34MB)',
      `Built localhost/app:latest ${digest} in 3.3s`,
      '',
    ])
  })
  test('tells a failure', () => {
    const out = screen(false)
    plainBuildView(out, () => 0).event({
      kind: 'step-failed',
      step: step(1, 'RUN make'),
      error: new Error('exit code 2'),
      duration: 1,
    })
    assert.equal(out.text, '#2 ERROR: exit code 2\n')
  })
})

describe('the terminal view of a build', () => {
  // eslint-disable-next-line no-control-regex -- colours
  const bare = (lines: readonly string[]): string[] =>
    lines.map((line) =>
      line
        .replace(/\u001b\[[0-9;]*m/g, '')
        .replace(/ {3,}/g, '  ')
        .trimEnd(),
    )
  test('draws running steps with their newest output, and leaves the ended ones above', () => {
    const out = screen(true)
    let now = 0
    const view = terminalBuildView(out, () => now)
    for (const event of events) view.event(event)
    now = 2000
    view.event({ kind: 'warning', rule: 'Rule', message: 'look' })
    view.event({ kind: 'plan', steps: [step(0, ''), step(1, '')], stages: [] })
    assert.deepEqual(bare(out.shown()), [
      ' = [app 1/2] FROM debian  cached',
      '! Rule: look',
      'Building 2.0s (1/2)',
      ' > [app 2/2] RUN make  2.0s',
      '  one',
      '  two',
      '  three',
    ])
    for (const event of ending) view.event(event)
    view.finish()
    assert.deepEqual(bare(out.shown()), [
      ' = [app 1/2] FROM debian  cached',
      '! Rule: look',
      ' + [app 2/2] RUN make  7.34MB 3.2s',
      `Built localhost/app:latest ${digest} in 3.3s`,
    ])
  })
  test('keeps every line within the terminal', () => {
    const out = screen(true)
    const view = terminalBuildView(out, () => 0)
    view.event({ kind: 'step-start', step: step(1, `RUN ${'x'.repeat(300)}`) })
    view.event({ kind: 'output', step: step(1, ''), stream: 'stderr', data: decode(`${'y'.repeat(300)}\n`) })
    view.event({ kind: 'plan', steps: [], stages: [] })
    view.finish()
    // eslint-disable-next-line no-control-regex -- control sequences take no room
    assert.ok(out.text.split('\n').every((line) => line.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '').length < 80))
  })
})

test('the JSON view prints an event a line, output as text', () => {
  const out = screen(false)
  const view = jsonBuildView(out)
  for (const event of events) view.event(event)
  const lines = out.text
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
  assert.equal(lines.length, events.length)
  assert.equal((lines[4] as { data: string }).data, 'one\ntw')
})

describe('StepOutput', () => {
  test('keeps lines, takes what follows a carriage return, and drops control sequences', () => {
    const output = new StepOutput()
    assert.deepEqual(output.add('stdout', decode('10%\r50%\r100%\n\u001b[31mred\u001b[0m\t.\r\nrest')), [
      '100%',
      'red    .',
    ])
    assert.deepEqual(output.tail(2), ['red    .', 'rest'])
    assert.deepEqual(output.flush(), ['rest'])
    assert.deepEqual(output.all(), ['100%', 'red    .', 'rest'])
  })
  test('forgets the oldest lines beyond its limit, and says so', () => {
    const output = new StepOutput(20)
    output.add('stdout', decode('aaaaaaaaa\nbbbbbbbbb\nccccccccc\n'))
    assert.deepEqual([output.all(), output.isCut], [['bbbbbbbbb', 'ccccccccc'], true])
  })
  test('does not break characters that arrive in two pieces', () => {
    const output = new StepOutput()
    const bytes = decode('ä\n')
    output.add('stdout', bytes.subarray(0, 1))
    assert.deepEqual(output.add('stdout', bytes.subarray(1)), ['ä'])
  })
})

describe('a transfer', () => {
  test('has a rate and a time left once there is something to reckon with', () => {
    const message = (current: number): ProgressMessage & { id: string } => ({
      id: 'abc',
      status: 'Downloading',
      progressDetail: { current, total: 100_000_000 },
    })
    const first = updateTransfer(undefined, message(0), 0)
    const later = updateTransfer(first, message(40_000_000), 4000)
    assert.equal(
      transferLine(later, 80),
      'abc: Downloading [============>                 ] 40MB/100MB 10MB/s 6.0s left',
    )
    assert.equal(
      transferLine(updateTransfer(later, { id: 'abc', status: 'Pull complete' }, 5000), 80),
      'abc: Pull complete',
    )
  })

  async function* messages(): AsyncGenerator<ProgressMessage> {
    yield { id: 'latest', status: 'Pulling from library/x' }
    yield { id: 'abc', status: 'Pulling fs layer' }
    yield { id: 'abc', status: 'Downloading', progressDetail: { current: 1, total: 2 } }
    yield { id: 'abc', status: 'Pull complete' }
    await Promise.resolve()
    yield { status: 'Digest: sha256:1' }
    yield { aux: { Tag: 'latest' } }
  }

  test('is a line per change of state where there is no terminal', async () => {
    const out = screen(false)
    assert.deepEqual(await showTransfer(messages(), out, { quiet: false }), { Tag: 'latest' })
    assert.equal(
      out.text,
      'latest: Pulling from library/x\nabc: Pulling fs layer\nabc: Pull complete\nDigest: sha256:1\n',
    )
  })
  test('is one line per layer on a terminal', async () => {
    const out = screen(true)
    await showTransfer(messages(), out, { quiet: false, now: () => 0 })
    assert.deepEqual(out.shown(), ['latest: Pulling from library/x', 'Digest: sha256:1', 'abc: Pull complete'])
  })
  test('is nothing when it is to be quiet', async () => {
    const out = screen(true)
    await showTransfer(messages(), out, { quiet: true })
    assert.equal(out.text, '')
  })
})

describe('a pull that says what it came to', () => {
  async function* messages(): AsyncGenerator<ProgressMessage> {
    yield { status: 'Pulling from library/x', id: 'latest' }
    yield { status: 'Downloading', id: 'abc', progressDetail: { current: 10, total: 400 } }
    yield { status: 'Downloading', id: 'abc', progressDetail: { current: 20, total: 400 } }
    yield { status: 'Downloading', id: 'abc', progressDetail: { current: 400, total: 400 } }
    yield { status: 'Already exists', id: 'def', progressDetail: {} }
    yield { aux: { Digest: 'sha256:1', Transferred: 390, Reused: 110 } }
    yield { status: 'Status: done' }
  }
  const subject = { verb: 'pull', reference: 'docker.io/library/x:latest' } as const

  test('gives programs an object a line, and not one for every few bytes', async () => {
    const out = screen(true)
    await showTransfer(messages(), out, { quiet: false, progress: 'json', subject, now: () => 0 })
    assert.deepEqual(
      out.text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
      [
        { kind: 'message', text: 'Pulling from library/x' },
        { kind: 'layer', id: 'abc', status: 'Downloading', current: 10, total: 400 },
        { kind: 'layer', id: 'abc', status: 'Downloading', current: 400, total: 400 },
        { kind: 'layer', id: 'def', status: 'Already exists' },
        { kind: 'message', text: 'Status: done' },
        { kind: 'summary', ...subject, digest: 'sha256:1', transferred: 390, reused: 110, milliseconds: 0 },
      ],
    )
  })

  test('can be made to draw where there is no terminal, and not to where there is one', async () => {
    const [drawn, plain] = [screen(false), screen(true)]
    await showTransfer(messages(), drawn, { quiet: false, progress: 'tty', subject, now: () => 0 })
    await showTransfer(messages(), plain, { quiet: false, progress: 'plain', subject, now: () => 0 })
    assert.ok(drawn.text.includes('\u001b['))
    assert.ok(!plain.text.includes('\u001b['))
    for (const out of [drawn, plain]) assert.match(out.text, /Pulled 390B in 0\.0ms, 110B were here already\n$/)
  })

  test('is a line with rate and time', () => {
    const totals = { transferred: 30_000_000, reused: 0, milliseconds: 3000 }
    assert.equal(summaryLine('pull', totals), 'Pulled 30MB in 3.0s (10MB/s)')
    assert.equal(summaryLine('push', { ...totals, reused: 1 }), 'Pushed 30MB in 3.0s (10MB/s), 1B was there already')
  })
})

test('LiveLines draws no more lines than the terminal has', () => {
  const out = screen(true)
  const live = new LiveLines(out, () => 3)
  live.set(['1', '2', '3', '4'])
  assert.deepEqual(out.shown(), ['3', '4'])
  live.print('lasting')
  live.set(['5'])
  assert.deepEqual(out.shown(), ['lasting', '5'])
})

test('cutVisible does not count colours', () => {
  assert.equal(cutVisible('\u001b[31mabc\u001b[0m', 2), '\u001b[31mab\u001b[0m')
})
