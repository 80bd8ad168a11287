import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runStatus } from '@gantry/process'

const program = `
  import { siteOf } from ${JSON.stringify(import.meta.resolve('@gantry/linux'))}
  import { startDaemonInBackground } from ${JSON.stringify(new URL('./start-in-background.ts', import.meta.url).href)}
  try {
    await startDaemonInBackground(siteOf(process.env))
  } catch (error) {
    process.stdout.write(error.code + ' ' + error.message)
  }
`

test('a daemon that cannot start says why, though nothing else keeps its caller alive', async () => {
  const root = mkdtempSync(join(tmpdir(), 'gantry-daemon-'))
  try {
    writeFileSync(join(root, 'state.db'), 'this is no database'.repeat(100))
    const file = join(root, 'caller.mjs')
    writeFileSync(file, program)
    const { code, stdout, stderr } = await runStatus(
      process.execPath,
      // A file: what a program is started with, the daemon is started with too, and it must not be this program.
      ['--disable-warning=ExperimentalWarning', file],
      { env: { ...process.env, GANTRY_ROOT: root, GANTRY_RUN: join(root, 'run') }, timeout: 30_000 },
    )
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^DAEMON_FAILED [^]*the database is damaged[^]*restore the file from a backup/)
  } finally {
    rmSync(root, { recursive: true })
  }
})
