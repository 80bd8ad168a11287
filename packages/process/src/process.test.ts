import assert from 'node:assert/strict'
import { openSync, closeSync } from 'node:fs'
import { test } from 'node:test'
import { exitOf, packageOf, ProcessError, run, runStatus, start, which } from './index.ts'

const code = (expected: string) => (error: unknown) => error instanceof ProcessError && error.code === expected

test('run returns what a program wrote', async () => {
  assert.deepEqual(await run('cat', [], { input: 'hello' }), { code: 0, signal: null, stdout: 'hello', stderr: '' })
})

test('run lets a program open the file that it reads, as often as it wants', async () => {
  const file = openSync(new URL(import.meta.url), 'r')
  try {
    const { stdout } = await run('sh', ['-c', 'head -c 6 /dev/stdin; head -c 6 /dev/stdin'], { inputFile: file })
    assert.equal(stdout, 'importimport')
  } finally {
    closeSync(file)
  }
})

test('run passes arguments as they are, without a shell', async () => {
  assert.equal((await run('printf', ['%s', '$HOME; echo "x" `id`'])).stdout, '$HOME; echo "x" `id`')
})

test('run rejects a failing program with its exit code and what it said', async () => {
  await assert.rejects(run('sh', ['-c', 'echo broken >&2; exit 3']), (error: unknown) => {
    assert.ok(error instanceof ProcessError)
    assert.deepEqual([error.code, error.exitCode, error.stderr], ['EXIT', 3, 'broken\n'])
    return true
  })
})

test('run names the missing program and the package that brings it', async () => {
  await assert.rejects(run('no-such-program', []), code('NOT_FOUND'))
  const path = process.env['PATH']
  const absent = ['firewall-cmd', 'ufw', 'criu', 'umoci'].find((name) => which(name) === undefined)
  assert.ok(absent !== undefined, 'everything is installed here')
  await assert.rejects(
    run(absent, []),
    (error: unknown) => code('NOT_FOUND')(error) && String(error).includes(packageOf(absent)?.install ?? 'none'),
  )
  assert.equal(process.env['PATH'], path)
})

test('runStatus takes an exit code and a signal as answers', async () => {
  assert.equal((await runStatus('sh', ['-c', 'exit 7'])).code, 7)
  assert.equal((await runStatus('sh', ['-c', 'kill -TERM $$'])).signal, 'SIGTERM')
})

test('run ends a program that is too slow, too loud or cancelled', async () => {
  await assert.rejects(run('sleep', ['10'], { timeout: 30 }), code('TIMEOUT'))
  await assert.rejects(run('cat', ['/dev/zero'], { maxOutput: 100_000 }), code('OUTPUT_TOO_LARGE'))
  await assert.rejects(run('sleep', ['10'], { signal: AbortSignal.timeout(30) }), code('ABORTED'))
  await assert.rejects(run('sleep', ['10'], { signal: AbortSignal.abort() }), code('ABORTED'))
})

test('run does not wait for a grandchild when it times out', async () => {
  const before = performance.now()
  await assert.rejects(run('sh', ['-c', 'sleep 5 & sleep 5'], { timeout: 50 }), code('TIMEOUT'))
  assert.ok(performance.now() - before < 2000)
})

test('run survives a program that does not read its input', async () => {
  assert.equal((await runStatus('true', [], { input: new Uint8Array(1 << 20) })).code, 0)
})

test('start hands over descriptors beyond the third', async () => {
  const fd = openSync('/etc/hostname', 'r')
  const child = start('sh', ['-c', 'cat <&3'], { stdio: ['ignore', 'pipe', 'ignore', fd] })
  closeSync(fd)
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  assert.deepEqual(await exitOf(child), { code: 0, signal: null })
  assert.notEqual(text, '')
})

test('exitOf rejects when the program could not be started', async () => {
  await assert.rejects(exitOf(start('true', [], { cwd: '/no/such/directory' })), code('SPAWN'))
  assert.throws(() => start('no-such-program', []), code('NOT_FOUND'))
})

test('which finds programs outside of PATH', () => {
  assert.ok(which('sh')?.endsWith('/sh'))
  assert.equal(which('no-such-program'), undefined)
  assert.equal(which('/bin/sh'), '/bin/sh')
  assert.equal(which('/no/such/program'), undefined)
})
