import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { spawnProcess } from './spawn-process.ts'

const base = { env: { PATH: '/usr/bin:/bin', WORD: 'of its own' }, directory: '/' }

describe('spawnProcess', () => {
  test('gives the program its descriptors, directory and environment, and nothing else', async () => {
    const extra = openSync('/etc/hostname', 'r')
    const { pid, streams, ended } = spawnProcess({
      ...base,
      path: '/bin/sh',
      args: ['-c', 'read line; echo "$line $WORD"; pwd; cat <&4; ls /proc/$$/fd | sort -n | tr "\\n" " "; env | wc -l'],
      directory: '/tmp',
      descriptors: ['pipe', 'pipe', 'ignore', 'pipe', extra],
    })
    closeSync(extra)
    assert.ok(pid > 0)
    const [input, output, third] = [streams.get(0), streams.get(1), streams.get(3)]
    assert.ok(input && output && third)
    input.resume()
    input.end('hello\n')
    third.resume()
    const lines = (await text(output)).split('\n')
    assert.equal(lines[0], 'hello of its own')
    assert.equal(lines[1], '/tmp')
    assert.ok(lines.includes(readFileSync('/etc/hostname', 'utf8').trim()))
    // The shell itself, when it asks, has a descriptor of the directory that it reads with `ls` closed again.
    assert.match(lines.join('\n'), /\n0 1 2 3 4 /)
    await ended()
  })

  test('starts it in a session of its own, with signals as they are by default', async () => {
    const { pid, streams, ended } = spawnProcess({
      ...base,
      path: '/bin/cat',
      args: ['/proc/self/status', '/proc/self/stat'],
      descriptors: ['ignore', 'pipe', 'ignore'],
    })
    const output = streams.get(1)
    assert.ok(output)
    const said = await text(output)
    assert.match(said, /^SigIgn:\t0+$/m)
    assert.match(said, /^SigBlk:\t0+$/m)
    const [, , , , , session] = (said.trim().split('\n').at(-1) ?? '').split(' ')
    assert.equal(session, String(pid))
    await ended()
    // Waited for: no zombie has the number.
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  })

  test('leaves nothing open when there is no such program', () => {
    const before = readOpen()
    for (const [path, code] of [
      ['/nope', 'ENOENT'],
      ['/etc/passwd', 'EACCES'],
    ] as const)
      assert.throws(() => spawnProcess({ ...base, path, args: [], descriptors: ['pipe', 'pipe', 'pipe'] }), { code })
    assert.equal(readOpen(), before)
  })

  test('finds its descriptors whatever numbers ours have', async () => {
    const held = Array.from({ length: 4 }, () => openSync('/dev/null', 'r'))
    const low = held.toReversed()
    const { streams, ended } = spawnProcess({
      ...base,
      path: '/bin/sh',
      args: ['-c', 'readlink /proc/$$/fd/2 /proc/$$/fd/3 /proc/$$/fd/4'],
      descriptors: ['ignore', 'pipe', ...low],
    })
    const output = streams.get(1)
    assert.ok(output)
    assert.equal(await text(output), '/dev/null\n/dev/null\n/dev/null\n')
    await ended()
    for (const fd of held) closeSync(fd)
  })
})

function readOpen(): number {
  const fds: number[] = []
  for (let count = 0; count < 3; count++) fds.push(openSync('/dev/null', 'r'))
  for (const fd of fds) closeSync(fd)
  return fds.at(-1) ?? 0
}
