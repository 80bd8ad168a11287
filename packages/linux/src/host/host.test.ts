import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { diagnose } from '../diagnosis/diagnose.ts'
import { siteOf } from '../site.ts'
import { cgroupsOf } from './read-cgroups.ts'
import { readHost } from './read-host.ts'

const v1 = `30 25 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
31 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
32 25 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd`
const unified = '40 25 0:29 / /no/such/unified rw shared:4 - cgroup2 cgroup2 rw,nsdelegate'

test('cgroupsOf tells v1, hybrid and v2 apart', () => {
  assert.deepEqual(cgroupsOf(v1, true), {
    mode: 'v1',
    manager: 'systemd',
    controllers: ['cpu', 'cpuacct', 'memory'],
    unified: undefined,
    hierarchies: ['/sys/fs/cgroup/cpu,cpuacct', '/sys/fs/cgroup/memory', '/sys/fs/cgroup/systemd'],
  })
  const hybrid = cgroupsOf(`${v1}\n${unified}`, false)
  assert.deepEqual([hybrid.mode, hybrid.manager, hybrid.unified], ['hybrid', 'cgroupfs', '/no/such/unified'])
  assert.deepEqual([cgroupsOf(unified, false).mode, cgroupsOf('', false).controllers], ['v2', []])
})

test('readHost reads this machine without spawning anything', async () => {
  const before = performance.now()
  const host = await readHost()
  assert.ok(performance.now() - before < 250)
  assert.match(host.arch, /^[a-z0-9]+$/)
  assert.ok(host.kernelVersion[0] > 3)
  assert.ok(host.memory > 0 && host.cpus > 0)
  if (host.cgroup.mode === 'hybrid') assert.equal(host.runtime, 'runc')
  assert.equal(host.tools.criu === undefined || host.tools.criu.startsWith('/'), true)
})

test('diagnose finds every topic, and mends what is missing with a command', async () => {
  const site = siteOf({}, { root: '/no/such/root' })
  const host = await readHost()
  const verdicts = await diagnose({ site, host })
  const topics = new Set(verdicts.map((each) => each.topic))
  for (const topic of [
    'kernel',
    'privileges',
    'cgroups',
    'runtime',
    'monitor',
    'firewall',
    'overlay',
    'storage',
    'limits',
    'socket',
  ]) {
    assert.ok(topics.has(topic), topic)
  }
  assert.ok(!topics.has('doctor'), JSON.stringify(verdicts))
  const tools = { ...host.tools, conmon: undefined, runc: undefined, crun: undefined, nft: undefined }
  const bare = await diagnose({ site, host: { ...host, tools, uid: 1000, overlay: false } })
  const failures = new Map(bare.filter((each) => each.verdict === 'failure').map((each) => [each.topic, each.mend]))
  assert.match(failures.get('monitor') ?? '', /install.* conmon$/)
  assert.match(failures.get('runtime') ?? '', /install.* runc$/)
  assert.match(failures.get('firewall') ?? '', /install.* nftables$/)
  assert.equal(failures.get('overlay'), 'modprobe overlay')
  assert.ok(failures.has('privileges'))
})

test('diagnose says which programs are too old', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-old-'))
  const old = (name: string, line: string): string => {
    const path = join(directory, name)
    writeFileSync(path, `#!/bin/sh\necho '${line}'\n`, { mode: 0o755 })
    return path
  }
  try {
    const host = await readHost()
    const verdictsWith = async (nft: string, conmon: string): Promise<readonly (string | undefined)[]> => {
      const tools = { ...host.tools, nft: old('nft', nft), conmon: old('conmon', conmon) }
      const verdicts = await diagnose({ site: siteOf({}, { root: '/no/such/root' }), host: { ...host, tools } })
      return ['firewall', 'monitor'].map((topic) => verdicts.find((each) => each.topic === topic)?.sentence)
    }
    const [nft, conmon] = await verdictsWith('nftables v0.9.8 (E.D.S.)', 'conmon version 2.0.25')
    assert.match(nft ?? '', /v0\.9\.8 .*too old.*nftables 1\.0/)
    assert.match(conmon ?? '', /2\.0\.25 .*too old, before 2\.1/)
    const enough = await verdictsWith('nftables v1.0.2 (Lester Gooch)', 'conmon version 2.1.6')
    assert.ok(!enough.some((sentence) => sentence?.includes('too old')), enough.join())
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

test('diagnose refuses a socket path that is too long', async () => {
  const site = { ...siteOf({}), socket: `/run/${'x'.repeat(110)}` }
  const socket = (await diagnose({ site })).find((each) => each.topic === 'socket')
  assert.equal(socket?.verdict, 'failure')
})
