import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultSpec } from '@gantry/runtime'
import { fakeClock } from './fake-clock.ts'
import { fakeRuntime } from './fake-runtime.ts'
import { runtimeContract } from './runtime-contract.ts'

runtimeContract('the fake', async () => {
  const root = mkdtempSync(join(tmpdir(), 'gantry-fake-runtime-'))
  const runtime = fakeRuntime({ clock: fakeClock() })
  let next = 0
  return {
    runtime,
    reopen: () => runtime.reopen(),
    bundle: async (args) => {
      const id = `c${String(++next)}`
      const host = { arch: 'amd64', kernel: '6.1.0', cgroup: { mode: 'v2' } } as const
      return {
        id,
        directory: join(root, id),
        spec: defaultSpec({ host, rootfs: root, args, cgroupsPath: `/fake/${id}` }),
      }
    },
    undo: async () => undefined,
    [Symbol.asyncDispose]: async () => rmSync(root, { recursive: true, force: true }),
  }
})
