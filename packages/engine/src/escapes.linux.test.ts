import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ApiError, type ContainerCreateBody } from '@gantry/client'
import { TarReader, writeTar } from '@gantry/tar'
import { bodyOf, directory, file, readAll, symlink } from '@gantry/testing'
import { hostileImage, realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

// Ways out of a container that were found in runtimes and engines over the years. Each is tried here; none may lead out.
// CVE-2019-5736 (/proc/self/exe), CVE-2024-21626 (leaked directories), CVE-2021-30465 (mounts over swapped links),
// CVE-2018-15664 and CVE-2019-14271 (cp), CVE-2019-16884 and CVE-2019-19921 (mounts on /proc), CVE-2022-0492 (release_agent).

const missing = realDaemonMissing()

describe('a container cannot get out', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  /** A directory of the host with a file of the host: what an escape would reach. */
  let victim = ''
  const secret = 'a secret of the host'
  before(async () => {
    daemon = await realDaemon()
    victim = mkdtempSync(join(tmpdir(), 'gantry-victim-'))
    writeFileSync(join(victim, 'secret'), secret)
  })
  after(async () => {
    rmSync(victim, { recursive: true, force: true })
    await daemon[Symbol.asyncDispose]()
  })
  const untouched = (): void => {
    const planted = readdirSync(victim).filter((name) => name !== 'secret')
    for (const name of planted) rmSync(join(victim, name), { recursive: true, force: true })
    assert.deepEqual(planted, [])
    assert.equal(readFileSync(join(victim, 'secret'), 'utf8'), secret)
  }

  /** Runs a container to its end and removes it; what it printed and its exit code, or the refusal. */
  async function run(body: ContainerCreateBody): Promise<{ code: number; text: string; refused?: ApiError }> {
    const { containers } = daemon.client
    let id: string | undefined
    try {
      id = (await containers.create({ Image: 'localhost/busybox', ...body })).Id
      await containers.start(id)
      const code = (await (await containers.wait(id)).result).StatusCode
      let text = ''
      for await (const { data } of await containers.logs(id)) text += Buffer.from(data).toString()
      return { code, text: text.trim() }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      return { code: -1, text: error.message, refused: error }
    } finally {
      if (id !== undefined) await containers.remove(id, { force: true, volumes: true })
    }
  }
  const sh = (line: string): string[] => ['sh', '-c', line]

  async function keep(name: string, line: string, more: ContainerCreateBody = {}): Promise<string> {
    const body = { Image: 'localhost/busybox', Cmd: sh(line), StopTimeout: 0, ...more }
    const { Id } = await daemon.client.containers.create(body, { name })
    await daemon.client.containers.start(Id)
    return Id
  }

  async function exec(id: string, body: { Cmd: string[]; WorkingDir?: string; User?: string }): Promise<string> {
    const { client } = daemon
    const made = await client.exec.create(id, { AttachStdout: true, AttachStderr: true, ...body })
    let text = ''
    for await (const { data } of (await client.exec.start(made)).output) text += Buffer.from(data).toString()
    return text
  }

  test('it inherits no descriptor but its own three, with published ports neither', async () => {
    const HostConfig = { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } }
    // The fourth is the one that ls reads the directory with.
    assert.deepEqual((await run({ Cmd: ['ls', '/proc/self/fd'], HostConfig })).text.split(/\s+/), ['0', '1', '2', '3'])
    const id = await keep('open', 'sleep 1000', { HostConfig })
    assert.deepEqual((await exec(id, { Cmd: ['ls', '/proc/self/fd'] })).trim().split(/\s+/), ['0', '1', '2', '3'])
    await daemon.client.containers.remove(id, { force: true })
  })

  test('no working directory leads out: leaked descriptors, links to them, of run, image and exec', async () => {
    const line = `cat ${'../'.repeat(12)}${victim.slice(1)}/secret; ls -a`
    const tried = Array.from({ length: 10 }, (_, n) => n + 3)
    const image = await hostileImage(daemon, {
      name: 'leaks',
      entries: tried.map((n) => symlink(`leak${n}`, `/proc/self/fd/${n}`)),
      config: { WorkingDir: '/proc/self/fd/7' },
    })
    const outcomes = await Promise.all([
      run({ Image: image, Cmd: sh(line) }),
      ...tried.flatMap((n) => [
        run({ Cmd: sh(line), WorkingDir: `/proc/self/fd/${n}` }),
        run({ Image: image, Cmd: sh(line), WorkingDir: `/leak${n}` }),
      ]),
    ])
    for (const { text } of outcomes) assert.ok(!text.includes(secret), text)
    const id = await keep('leaks', 'sleep 1000', { Image: image, WorkingDir: '/' })
    for (const n of tried) {
      for (const WorkingDir of [`/proc/self/fd/${n}`, `/leak${n}`]) {
        const text = await exec(id, { Cmd: sh(line), WorkingDir }).catch((error: unknown) => String(error))
        assert.ok(!text.includes(secret), `${WorkingDir}: ${text}`)
      }
    }
    await daemon.client.containers.remove(id, { force: true })
  })

  test('the program that makes containers cannot be overwritten through /proc/self/exe', async () => {
    const runtime = ['/usr/bin/runc', '/usr/bin/crun', '/usr/sbin/runc'].filter((path) => existsSync(path))
    const before = runtime.map((path) => statSync(path).mtimeMs)
    const image = await hostileImage(daemon, { name: 'self', entries: [symlink('bin/evil', '/proc/self/exe')] })
    const { code } = await run({ Image: image, Cmd: ['/proc/self/exe', '--version'] })
    assert.notEqual(code, 0)
    // A process of the container waits for the runtime to come in by exec and writes to what it runs.
    const id = await keep(
      'self',
      'while :; do for p in /proc/[0-9]*; do [ "$p" = /proc/1 ] || { echo x >> "$p/exe"; } 2>/dev/null; done; done',
      { Image: image },
    )
    for (let n = 0; n < 5; n++) await exec(id, { Cmd: ['/bin/evil'] }).catch(() => undefined)
    assert.deepEqual(
      runtime.map((path) => statSync(path).mtimeMs),
      before,
    )
    await daemon.client.containers.remove(id, { force: true })
  })

  test('the kernel is not written to: /proc/sys, sysrq, core_pattern, /sys, release_agent', async () => {
    const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8')
    const places = [
      '/proc/sys/kernel/core_pattern',
      '/proc/sys/kernel/hostname',
      '/proc/sys/vm/drop_caches',
      '/proc/sysrq-trigger',
      '/proc/irq/default_smp_affinity',
      '/sys/kernel/uevent_helper',
      '/sys/kernel/mm/transparent_hugepage/enabled',
      '/sys/fs/cgroup/memory/release_agent',
      '/sys/fs/cgroup/cgroup.procs',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes',
    ]
    const lines = places.map(
      (path) => `if [ -e ${path} ] && printf h 2>/dev/null >${path}; then echo wrote ${path}; fi`,
    )
    const more = [
      'mount -o remount,rw /proc/sys && echo remounted',
      'mount -o remount,rw /sys && echo remounted',
      'umount /proc/sys && echo unmounted',
      'mkdir /tmp/p && mount -t proc proc /tmp/p && echo mounted',
      'mkdir /tmp/c && mount -t cgroup -o memory cgroup /tmp/c && echo mounted',
      'unshare -r true && echo unshared',
      'cat /proc/kcore | head -c 1 | grep -q . && echo read kcore',
      'cat /proc/keys /proc/timer_list | grep -q . && echo read hidden',
      'ls /sys/firmware | grep -q . && echo read firmware',
    ]
    const { text } = await run({
      Cmd: sh([...lines, ...more].map((line) => `{ ${line}; } 2>/dev/null`).join('; ') + '; true'),
    })
    assert.equal(text, '')
    assert.equal(readFileSync('/proc/sys/kernel/core_pattern', 'utf8'), pattern)
  })

  test('disks and memory of the host are not read through device nodes, made or brought by the image', async () => {
    const disks = readFileSync('/proc/partitions', 'utf8')
      .split('\n')
      .flatMap((line) => /^\s*(\d+)\s+(\d+)\s+(\d+)\s+\S+$/.exec(line)?.slice(1, 3).join(' ') ?? [])
    const nodes = [
      ...disks.map((numbers) => `b ${numbers}`),
      'c 1 1',
      'c 1 2',
      'c 1 4',
      'c 1 11',
      'c 10 229',
      'c 10 232',
    ]
    const lines = nodes.map(
      (node, n) =>
        `mknod /tmp/d${n} ${node} && { head -c 1 /tmp/d${n} >/dev/null && echo read ${node}; echo >> /tmp/d${n} && echo wrote ${node}; }`,
    )
    const { text } = await run({ Cmd: sh(`{ ${lines.join('; ')}; } 2>/dev/null; true`) })
    assert.equal(text, '')
  })

  test('with no-new-privileges a program with the set-user-ID bit gives nothing', async () => {
    const busybox = file('suid/busybox', readFileSync('/bin/busybox'), { mode: 0o4755 })
    const image = await hostileImage(daemon, { name: 'setuid', entries: [busybox] })
    const su = ['/suid/busybox', 'su', '-c', 'id', 'root']
    for (const SecurityOpt of [[], ['no-new-privileges']]) {
      const id = await keep('setuid', 'sleep 1000', { Image: image, User: '1000', HostConfig: { SecurityOpt } })
      // Without the option the bit does what it is for.
      const refuses = SecurityOpt.length > 0
      assert.equal(/must be suid/.test(await exec(id, { Cmd: su })), refuses, SecurityOpt.join())
      await daemon.client.containers.remove(id, { force: true })
    }
    // And without root there are no capabilities to be had from it.
    const { text } = await run({ Image: image, User: '1000', Cmd: ['sh', '-c', 'grep CapEff /proc/self/status'] })
    assert.match(text, /CapEff:\s+0+$/)
  })

  test('links in an image do not lead its mounts out', async () => {
    const up = '../'.repeat(12)
    for (const [place, target] of [
      ['proc', '/tmp'],
      ['sys', '/tmp'],
      ['dev', `${up}${victim.slice(1)}`],
      ['dev/shm', `${up}${victim.slice(1)}`],
      ['etc', `${up}${victim.slice(1)}`],
      ['etc/hosts', `${up}${victim.slice(1)}/secret`],
      ['etc/resolv.conf', `/proc/self/cwd${victim}/new`],
      ['etc/hostname', `${victim}/secret`],
      ['link', `${up}${victim.slice(1)}`],
      ['link', '/proc/1/root'],
      ['link', '/proc/self/fd/5'],
      ['etc/passwd', `${victim}/secret`],
    ] as const) {
      const image = await hostileImage(daemon, { name: 'links', entries: [symlink(place, target)] })
      const { text } = await run({
        Image: image,
        Cmd: sh(`cat ${victim}/secret /etc/passwd; echo evil > /link/new; echo evil >> /etc/hosts`),
        HostConfig: { Binds: ['linked:/link'], Tmpfs: { '/link/tmp': '' } },
      })
      assert.ok(!text.includes(secret), `${place}: ${text}`)
      untouched()
    }
  })

  test('nothing is read or written outside by cp, whatever a process swaps meanwhile', async () => {
    const swap = `mkdir -p /w/real && echo inside > /w/real/secret && ln -s ${victim} /w/link && cd /w && cp -a real spot &&
      while :; do mv spot keep && mv link spot && mv spot link && mv keep spot; done`
    const id = await keep('swap', swap)
    const { containers } = daemon.client
    for (let n = 0; n < 60; n++) {
      try {
        const { tar } = await containers.readArchive(id, n % 2 === 0 ? '/w/spot/secret' : '/w/spot/.')
        const bytes = await readAll(tar)
        assert.ok(!bytes.includes(secret))
        assert.ok(namesIn(bytes).every((name) => !name.includes('..')))
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
      }
      const evil = await readAll(writeTar([file('planted', 'evil'), directory('spot'), file('spot/planted', 'evil')]))
      for (const path of ['/w/spot', '/w', '/w/link'])
        await containers
          .writeArchive(id, path, bodyOf(evil))
          .catch((error: unknown) => assert.ok(error instanceof ApiError))
      untouched()
    }
    await containers.remove(id, { force: true })
    untouched()
  })

  test('a new volume is not filled through links that another container puts into it', async () => {
    // Enough that there is time, once the first of them is there, to put links where the last are written.
    const many = Array.from({ length: 1500 }, (_, n) => file(`data/a${n}`, 'content'))
    const last = Array.from({ length: 20 }, (_, n) => [
      directory(`data/x${n}`),
      file(`data/x${n}/new`, 'evil'),
      file(`data/z${n}`, 'evil'),
    ])
    const image = await hostileImage(daemon, { name: 'filled', entries: [directory('data'), ...many, ...last.flat()] })
    const links = Array.from(
      { length: 20 },
      (_, n) => `ln -s ${victim} /data/x${n}; ln -s ${victim}/secret /data/z${n}`,
    )
    const attack = `until [ -n "$(ls /data)" ]; do :; done; { ${links.join('; ')}; } 2>/dev/null`
    for (let n = 0; n < 3; n++) {
      const Binds = [`raced${n}:/data`]
      const id = await keep('filler', 'sleep 1000', { HostConfig: { Binds } })
      const racing = exec(id, { Cmd: sh(attack) })
      await run({ Image: image, Cmd: ['true'], HostConfig: { Binds } })
      await daemon.client.containers.remove(id, { force: true })
      await racing
      untouched()
    }
  })

  test('mounts into a volume are not led out by another container that swaps their places', async () => {
    const swap = `cd /v && mkdir -p real && ln -s ${'../'.repeat(12)}${victim.slice(1)} link; cp -a real spot;
      while :; do mv spot keep && mv link spot && mv spot link && mv keep spot; done`
    const id = await keep('swapper', swap, { HostConfig: { Binds: ['shared:/v'] } })
    for (let n = 0; n < 8; n++) {
      const { text } = await run({
        Cmd: sh(`cat ${victim}/secret /v/spot/secret /inner/secret 2>/dev/null; ls /bin/busybox`),
        HostConfig: { Binds: ['shared:/v', 'inner:/v/spot', 'inner:/v/spot/deep', 'inner:/inner'] },
      })
      assert.ok(!text.includes(secret), text)
      untouched()
    }
    await daemon.client.containers.remove(id, { force: true })
  })

  describe('what an image says about itself is refused or harmless', () => {
    const rows: readonly (readonly [what: string, config: unknown, expected: RegExp])[] = [
      ['an entry point that is a text', { Entrypoint: 'sh' }, /Entrypoint.*expected a list/],
      ['a command that is a number', { Cmd: 7 }, /Cmd.*expected a list/],
      ['variables that are an object', { Env: { A: 'b' } }, /Env.*expected a list/],
      ['a user with a line break', { User: 'root\nevil:x:0:0' }, /unable to find user|invalid user/],
      ['a user beyond the numbers', { User: '99999999999' }, /unable to find user/],
      ['a negative user', { User: '-1' }, /unable to find user/],
      ['a user that turns into root as 32 bits', { User: '4294967296' }, /unable to find user/],
      ['a group that is a path', { User: '0:../../etc/shadow' }, /unable to find group/],
      ['a user as long as a book', { User: 'a'.repeat(100_000) }, /^.{1,600}$/s],
      ['a volume over everything', { Volumes: { '/..': {} } }, /can't be '\/'/],
      ['a volume that climbs', { Volumes: { '../../../etc': {} } }, /must be absolute/],
      ['a volume with a zero byte', { Volumes: { '/a\0b': {} } }, /zero byte/],
      ['a volume over /proc', { Volumes: { '/proc': {} } }, /cannot be mounted|not of type proc|\/proc/],
      ['a working directory with a zero byte', { WorkingDir: '/a\0b' }, /zero byte/],
      ['a variable without a name', { Env: ['=evil'] }, /invalid environment variable/],
      ['a variable with a zero byte', { Env: ['A=b\0C=d'] }, /zero byte/],
      ['a stop signal that is a command', { StopSignal: 'KILL; reboot' }, /Invalid signal/i],
      ['a check that never rests', { Healthcheck: { Test: ['CMD', 'true'], Interval: -1 } }, /Interval/],
    ]
    for (const [what, config, expected] of rows) {
      test(what, async () => {
        const image = await hostileImage(daemon, { name: 'config', config })
        const { refused } = await run({ Image: image, ...(hasCommand(config) ? {} : { Cmd: ['true'] }) })
        assert.ok(refused !== undefined, 'it ran')
        assert.match(refused.message, expected)
        assert.deepEqual(await daemon.inventory(), [])
      })
    }
    const harmless: readonly (readonly [what: string, config: unknown, line: string, expected: string])[] = [
      ['a relative working directory begins at the root', { WorkingDir: 'a/../../b' }, 'pwd', '/b'],
      ['a working directory that climbs stays inside', { WorkingDir: '/../../../tmp' }, 'pwd', '/tmp'],
      ['a variable without a value is taken away', { Env: ['A', 'B=1'] }, 'echo "${A-none}$B"', 'none1'],
      ['ports that are none are not published', { ExposedPorts: { '../x': {}, '99999/foo': {} } }, 'echo ok', 'ok'],
      ['labels with line breaks stay labels', { Labels: { 'a\nb': 'c\nd' } }, 'echo ok', 'ok'],
    ]
    for (const [what, config, line, expected] of harmless) {
      test(what, async () => {
        const image = await hostileImage(daemon, { name: 'config', config })
        assert.deepEqual(await run({ Image: image, Cmd: sh(line) }), { code: 0, text: expected })
      })
    }
  })

  test('names of volumes are no paths', async () => {
    for (const name of ['../x', 'a/b', '.', '..', 'x'.repeat(300), 'a\0b', '-v']) {
      const outcome = await run({
        Cmd: ['true'],
        HostConfig: { Mounts: [{ Type: 'volume', Source: name, Target: '/x' }] },
      })
      assert.equal(outcome.refused?.status, 400, `${name}: ${outcome.text}`)
      await assert.rejects(daemon.client.volumes.create({ Name: name }), { status: 400 })
    }
  })

  test('nothing of all this is left', async () => {
    untouched()
    assert.deepEqual(await daemon.inventory(), [])
  })
})

function hasCommand(config: unknown): boolean {
  return typeof config === 'object' && config !== null && 'Cmd' in config
}

function namesIn(tar: Uint8Array): string[] {
  const reader = new TarReader()
  reader.push(tar)
  const names: string[] = []
  for (let event = reader.read(); event !== undefined; event = reader.read())
    if (event.kind === 'entry') names.push(event.header.path)
  return names
}
