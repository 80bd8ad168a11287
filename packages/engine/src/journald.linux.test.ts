import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { which } from '@gantry/process'
import { ApiError } from '@gantry/client'
import { realDaemon, realDaemonMissing } from '@gantry/testing/daemon'

const missing = realDaemonMissing() ?? false
const tools = ['unshare', 'perl'].find((tool) => which(tool) === undefined)
const alone = missing === false && tools !== undefined ? `needs ${tools}` : missing
const real = '/run/systemd/journal/socket'

describe('the log driver journald', () => {
  test('speaks the protocol of the journal: text, priority, container, tag', { skip: alone }, async () => {
    const program = fileURLToPath(new URL('./test/journal-run.ts', import.meta.url))
    const line = 'mount -t tmpfs tmpfs /run && exec "$@"'
    const { stdout } = await promisify(execFile)(
      'unshare',
      ['--mount', 'sh', '-c', line, 'sh', process.execPath, ...process.execArgv, program],
      { env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' } },
    )
    const [about, ...messages] = stdout
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text) as Record<string, string>)
    assert.match(about?.['logged'] ?? '', /to the journal\n/)
    // conmon sends the end of the line too, which the journal cuts off.
    const byText = new Map(messages.map((message) => [message['MESSAGE']?.trimEnd(), message]))
    assert.deepEqual(
      [...byText.keys()].toSorted((a = '', b = '') => (a < b ? -1 : 1)),
      ['and an error', 'to the journal'],
    )
    for (const [text, priority] of [
      ['to the journal', '6'],
      ['and an error', '3'],
    ] as const) {
      const message = byText.get(text) ?? {}
      assert.equal(message['PRIORITY'], priority)
      assert.equal(message['CONTAINER_ID_FULL'], about?.['id'])
      assert.equal(message['CONTAINER_TAG'], 'app/talker')
    }
  })

  const noJournal = missing === false && !existsSync(real) ? `there is no journal here (${real})` : missing
  const noReader = noJournal === false && which('journalctl') === undefined ? 'needs journalctl' : noJournal
  test('reaches the journal of this machine', { skip: noReader }, async () => {
    await using daemon = await realDaemon()
    const { containers } = daemon.client
    const LogConfig = { Type: 'journald', Config: { tag: daemon.site.instance } }
    const body = { Image: 'localhost/busybox', Cmd: ['echo', 'hello'], HostConfig: { NetworkMode: 'none', LogConfig } }
    const { Id } = await containers.create(body)
    const { result } = await containers.wait(Id, { condition: 'next-exit' })
    await containers.start(Id)
    await result
    execFileSync('journalctl', ['--sync'])
    const found = execFileSync('journalctl', ['-o', 'cat', `CONTAINER_ID_FULL=${Id}`]).toString()
    assert.match(found, /hello/)
  })

  test(
    'is refused where there is no journal',
    { skip: existsSync(real) ? 'there is a journal' : missing },
    async () => {
      await using daemon = await realDaemon()
      const HostConfig = { LogConfig: { Type: 'journald', Config: {} } }
      const asked = daemon.client.containers.create({ Image: 'localhost/busybox', Cmd: ['true'], HostConfig })
      await assert.rejects(asked, (error) => error instanceof ApiError && error.status === 501)
    },
  )
})
