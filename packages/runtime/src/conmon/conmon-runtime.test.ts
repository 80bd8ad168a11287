import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLedger, ledgerMigrations, readHost, siteOf } from '@gantry/linux'
import { openState } from '@gantry/state'
import { createRuntime } from '../create-runtime.ts'
import { defaultSpec } from '../spec/default-spec.ts'

// As conmon does it: the first process notes the PID of the second, here long after the second has said that the container is made.
const lateMonitor = `#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in --conmon-pidfile) file=$2 ;; esac
  shift
done
sleep 60 2>/dev/null 3>&- &
container=$!
printf '{"data": %d}\n' $container >&3
sleep 60 2>/dev/null &
monitor=$!
sleep 0.3
echo $monitor >"$file"
`

test('a container is made although its monitor has not noted its PID yet when it speaks', async () => {
  const base = mkdtempSync(join(tmpdir(), 'gantry-monitor-'))
  const conmon = join(base, 'conmon')
  writeFileSync(conmon, lateMonitor, { mode: 0o755 })
  const site = { ...siteOf({}, { root: join(base, 'root') }), run: join(base, 'run') }
  for (const path of [site.root, site.run]) mkdirSync(path)
  using state = openState(join(site.root, 'state.db'), [ledgerMigrations])
  const ledger = createLedger({ state })
  // Nothing here needs root: the monitor and the runtime are scripts.
  const real = await readHost()
  const host = { ...real, privileges: { ...real.privileges, mounts: true, machine: true } }
  const tools = { ...host.tools, conmon }
  const runtime = createRuntime({
    site,
    host: { ...host, tools },
    ledger,
    program: { name: 'crun', path: '/bin/true' },
  })
  const owner = 'container/late/run/1'
  try {
    const spec = defaultSpec({
      host,
      rootfs: base,
      args: ['true'],
      env: [],
      hostname: 'late',
      cgroupsPath: `/${site.instance}/late`,
    })
    const bundle = { id: 'late', directory: join(base, 'bundle'), spec }
    mkdirSync(bundle.directory)
    const stdio = { terminal: false, stdin: false, log: join(base, 'log') }
    const task = await runtime.create(bundle, stdio, { owner })
    await task.kill(9)
    assert.equal((await runtime.open('late'))?.pid, task.pid)
  } finally {
    await ledger.undo(owner)
    runtime.close()
    rmSync(base, { recursive: true, force: true })
  }
})
