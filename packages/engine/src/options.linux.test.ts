import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ApiError, type ContainerCreateBody, type HostConfig } from '@gantry/client'
import { readCgroups } from '@gantry/linux'
import { file } from '@gantry/testing'
import { hostileImage, realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const missing = realDaemonMissing()

describe('options of a container', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  let here = ''
  before(async () => {
    daemon = await realDaemon()
    here = mkdtempSync(join(tmpdir(), 'gantry-options-'))
  })
  after(async () => {
    await daemon[Symbol.asyncDispose]()
    rmSync(here, { recursive: true, force: true })
  })

  /** Runs a line to its end; what it printed, or why it was refused. */
  async function run(line: string, HostConfig: HostConfig = {}, more: ContainerCreateBody = {}): Promise<string> {
    const { containers } = daemon.client
    let id: string | undefined
    try {
      id = (await containers.create({ Image: 'localhost/busybox', Cmd: ['sh', '-c', line], ...more, HostConfig })).Id
      await containers.start(id)
      await (
        await containers.wait(id)
      ).result
      let text = ''
      for await (const { data } of await containers.logs(id)) text += Buffer.from(data).toString()
      return text.trim()
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      return `${error.status} ${error.message}`
    } finally {
      if (id !== undefined) await containers.remove(id, { force: true, volumes: true })
    }
  }

  test('--device-cgroup-rule allows a node that it names, and no other', async () => {
    const line =
      'mknod /tmp/a c 10 203; mknod /tmp/b c 10 204; for n in a b; do (exec 3</tmp/$n) 2>&1 | grep -o "Operation not permitted"; done; true'
    assert.equal(await run(line), 'Operation not permitted\nOperation not permitted')
    assert.equal(await run(line, { DeviceCgroupRules: ['c 10:203 rwm'] }), 'Operation not permitted')
    assert.match(await run('true', { DeviceCgroupRules: ['c 10:x rwm'] }), /^400 invalid device cgroup format/)
  })

  test('--umask holds for the container, and is an octal number', async () => {
    assert.equal(await run('umask'), '0022')
    assert.equal(await run('umask', { Umask: '077' }), '0077')
    assert.match(await run('umask', { Umask: '8' }), /^400 invalid umask/)
  })

  test('--cgroup-parent puts its group into another, which stays', async () => {
    const cgroup = readCgroups()
    const root = cgroup.hierarchies.find((path) => path.endsWith('memory')) ?? cgroup.unified ?? ''
    if (cgroup.manager === 'systemd') {
      assert.match(await run('true', { CgroupParent: '/mine' }), /^400 .*valid slice/)
      return
    }
    const parent = `/${daemon.site.instance}-parent`
    mkdirSync(join(root, parent))
    const line = 'grep -m1 -E "memory|^0::" /proc/self/cgroup'
    assert.match(
      await run(line, { CgroupParent: `${parent}/../../..${parent}`, CgroupnsMode: 'host' }),
      new RegExp(`${parent}/[0-9a-f]{64}$`),
    )
    assert.ok(existsSync(join(root, parent)), 'a group that was there before has gone')
    execFileSync('sh', [
      '-c',
      `rmdir ${[...cgroup.hierarchies, cgroup.unified ?? ''].map((each) => `"${each}${parent}"`).join(' ')} 2>/dev/null || true`,
    ])
  })

  test('rates of block devices reach the kernel, and what it does not have is refused by name', async (t) => {
    const disk = execFileSync('sh', [
      '-c',
      'for d in /sys/block/*; do case $d in */loop*|*/ram*|*/zram*) ;; *) echo /dev/${d##*/}; esac; done',
    ])
      .toString()
      .split('\n')
      .find((path) => path !== '' && existsSync(path))
    if (disk === undefined) return t.skip('there is no block device')
    const { containers } = daemon.client
    const BlkioDeviceWriteBps = [{ Path: disk, Rate: 1_048_576 }]
    const { Id } = await containers.create({
      Image: 'localhost/busybox',
      Cmd: ['sleep', '1000'],
      HostConfig: { BlkioDeviceWriteBps },
    })
    await containers.start(Id)
    const { State } = await containers.inspect(Id)
    const groups = readFileSync(`/proc/${State.Pid}/cgroup`, 'utf8')
    const { mode, hierarchies, unified } = readCgroups()
    const path = /^\d+:(?:[^:]*,)?blkio(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1] ?? /^0::(.*)$/m.exec(groups)?.[1] ?? ''
    const root = mode === 'v2' ? (unified ?? '') : (hierarchies.find((each) => /blkio/.test(each)) ?? '')
    const written = readFileSync(join(root, path, mode === 'v2' ? 'io.max' : 'blkio.throttle.write_bps_device'), 'utf8')
    assert.match(written, /1048576/)
    await containers.remove(Id, { force: true })
    assert.match(
      await run('true', { BlkioDeviceReadBps: [{ Path: '/dev/none', Rate: 1 }] }),
      /Cannot limit the device "\/dev\/none"/,
    )
    assert.match(
      await run('true', { BlkioWeight: 5 }),
      /^(400 Range of blkio weight|501 Cannot limit it by --blkio-weight)/,
    )
    assert.match(
      await run('true', { MemorySwappiness: 101 }),
      /^(400 Invalid value: 101|501 Cannot limit it by --memory-swappiness)/,
    )
  })

  test('below a read-only bind nothing can be written, unless it is asked for', async () => {
    const tree = join(here, 'tree')
    mkdirSync(join(tree, 'sub'), { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', join(tree, 'sub')])
    try {
      const line =
        '(echo x > /t/file) 2>/dev/null && echo top; (echo x > /t/sub/file) 2>/dev/null && echo sub; grep -c " /t[ /]" /proc/self/mountinfo'
      const mount = (BindOptions: object): Promise<string> =>
        run(line, { Mounts: [{ Type: 'bind', Source: tree, Target: '/t', ReadOnly: true, BindOptions }] })
      assert.equal(await run(line, { Binds: [`${tree}:/t:ro`] }), '2')
      assert.equal(await mount({}), '2')
      assert.equal(await mount({ ReadOnlyForceRecursive: true }), '2')
      assert.equal(await mount({ ReadOnlyNonRecursive: true }), 'sub\n2')
      assert.equal(await mount({ NonRecursive: true }), '1')
    } finally {
      execFileSync('umount', [join(tree, 'sub')])
    }
  })

  test('mounts travel into a bind that is a slave, and out of one that is shared', async () => {
    const tree = join(here, 'travel')
    mkdirSync(join(tree, 'in'), { recursive: true })
    mkdirSync(join(tree, 'out'))
    execFileSync('sh', ['-c', 'mount --bind "$1" "$1" && mount --make-shared "$1"', 'sh', tree])
    const { containers, exec } = daemon.client
    const start = async (propagation: string): Promise<string> => {
      const HostConfig = {
        Binds: [`${tree}:/t:${propagation}`],
        CapAdd: ['SYS_ADMIN'],
        SecurityOpt: ['apparmor=unconfined'],
      }
      const { Id } = await containers.create({ Image: 'localhost/busybox', Cmd: ['sleep', '1000'], HostConfig })
      await containers.start(Id)
      return Id
    }
    const inside = async (id: string, line: string): Promise<string> => {
      const made = await exec.create(id, { Cmd: ['sh', '-c', line], AttachStdout: true })
      let text = ''
      for await (const { data } of (await exec.start(made)).output) text += Buffer.from(data).toString()
      return text.trim()
    }
    try {
      for (const propagation of ['rslave', 'rshared', 'rprivate']) {
        const id = await start(propagation)
        execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', join(tree, 'in')])
        assert.equal(await inside(id, 'grep -c " /t/in " /proc/self/mountinfo'), propagation === 'rprivate' ? '0' : '1')
        execFileSync('umount', [join(tree, 'in')])
        await inside(id, 'mount -t tmpfs tmpfs /t/out')
        const seen = readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${tree}/out `)
        assert.equal(seen, propagation === 'rshared', propagation)
        if (seen) execFileSync('umount', [join(tree, 'out')])
        await containers.remove(id, { force: true })
      }
    } finally {
      execFileSync('sh', ['-c', 'umount "$1/in" "$1/out" 2>/dev/null; umount "$1"', 'sh', tree])
    }
  })

  test('a part of a volume, which no link leads out of', async () => {
    const { Mountpoint } = await daemon.client.volumes.create({ Name: 'parts' })
    mkdirSync(join(Mountpoint, 'a/b'), { recursive: true })
    writeFileSync(join(Mountpoint, 'a/b/file'), 'part')
    writeFileSync(join(here, 'secret'), 'secret')
    symlinkSync(here, join(Mountpoint, 'out'))
    symlinkSync('../../../../../..', join(Mountpoint, 'up'))
    const mount = (Subpath: string, line: string): Promise<string> =>
      run(line, { Mounts: [{ Type: 'volume', Source: 'parts', Target: '/p', VolumeOptions: { Subpath } }] })
    assert.equal(await mount('a/b', 'cat /p/file; ls /p'), 'partfile')
    assert.equal(await mount('a/b/file', 'cat /p'), 'part')
    assert.match(await mount('none', 'true'), /^400 Cannot mount "none" of the volume "parts"/)
    assert.match(await mount('out', 'true'), /^400 Cannot mount "out"/)
    assert.match(await mount('../../..', 'ls /p'), /^a\nout\nup$/)
    assert.match(await mount('up', 'ls /p'), /^a\nout\nup$/)
    await daemon.client.volumes.remove('parts')
  })

  test('the files of an image, read-only, and kept while the container is', async () => {
    const image = await hostileImage(daemon, { name: 'data', entries: [file('set/file', 'of the image')] })
    const { containers, images } = daemon.client
    const { Id } = await containers.create({
      Image: 'localhost/busybox',
      Cmd: ['sh', '-c', 'cat /whole/set/file /part/file; echo x > /part/file'],
      HostConfig: {
        Mounts: [
          { Type: 'image', Source: image, Target: '/whole' },
          { Type: 'image', Source: image, Target: '/part', ImageOptions: { Subpath: 'set' } },
        ],
      },
    })
    await images.remove(image, { force: true })
    for (let n = 0; n < 2; n++) {
      await containers.start(Id)
      assert.equal((await (await containers.wait(Id)).result).StatusCode, 1)
    }
    let text = ''
    for await (const { stream, data } of await containers.logs(Id))
      if (stream === 'stdout') text += Buffer.from(data).toString()
    assert.equal(text, 'of the image'.repeat(4))
    assert.deepEqual(
      (await containers.inspect(Id)).Mounts.map(({ Type, RW }) => [Type, RW]),
      [
        ['image', false],
        ['image', false],
      ],
    )
    await containers.remove(Id)
    assert.match(await run('true', { Mounts: [{ Type: 'image', Source: 'localhost/none', Target: '/x' }] }), /^404 /)
  })

  test('--volumes-from, --annotation and the other plain ones', async () => {
    const { containers } = daemon.client
    const { Id } = await containers.create(
      { Image: 'localhost/busybox', HostConfig: { Binds: ['from:/data'] } },
      { name: 'giver' },
    )
    assert.equal(await run('echo x > /data/x && echo wrote', { VolumesFrom: ['giver'] }), 'wrote')
    assert.match(await run('echo x > /data/x || echo refused', { VolumesFrom: ['giver:ro'] }), /refused/)
    await containers.remove(Id, { volumes: true })
    const noted = await containers.create({
      Image: 'localhost/busybox',
      Cmd: ['sleep', '1000'],
      HostConfig: { Annotations: { 'a.b/c': 'd' } },
    })
    await containers.start(noted.Id)
    const config = readFileSync(join(daemon.site.root, 'containers', noted.Id, 'config.json'), 'utf8')
    assert.deepEqual((JSON.parse(config) as { annotations: object }).annotations, { 'a.b/c': 'd' })
    await containers.remove(noted.Id, { force: true })
    const refused: readonly (readonly [HostConfig, RegExp])[] = [
      [{ StorageOpt: { size: '10G' } }, /^501 .*StorageOpt/],
      [{ VolumeDriver: 'nfs' }, /^501 .*VolumeDriver "nfs"/],
      [{ Isolation: 'hyperv' }, /^501 .*Isolation/],
      [{ SecurityOpt: ['label=type:x'] }, /^501 .*label=type:x.*SELinux/],
      [{ SecurityOpt: ['seccomp={'] }, /^400 .*seccomp/],
      [{ SecurityOpt: ['seccomp={"defaultAction":"NO"}'] }, /^400 .*defaultAction/],
    ]
    for (const [host, expected] of refused) assert.match(await run('true', host), expected)
    const refuseMkdir = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
    }
    assert.match(
      await run('mkdir /x', { SecurityOpt: [`seccomp=${JSON.stringify(refuseMkdir)}`] }),
      /Operation not permitted/,
    )
  })

  test('devices by name, GPUs among them, with all that their description says', async () => {
    const specs = '/run/cdi'
    const kind = `gantry-${process.pid}.example/gpu`
    const described = join(specs, `gantry-test-${process.pid}.json`)
    const hook = join(here, 'hook')
    writeFileSync(hook, `#!/bin/sh\ncat > ${here}/hooked\n`, { mode: 0o755 })
    writeFileSync(join(here, 'library'), 'of the host')
    mkdirSync(specs, { recursive: true })
    const node = { path: '/dev/gpu0', hostPath: '/dev/null', permissions: 'rw' }
    const edits = {
      deviceNodes: [node],
      env: ['GPU=0'],
      additionalGids: [4242],
      mounts: [{ hostPath: join(here, 'library'), containerPath: '/opt/library' }],
      hooks: [{ hookName: 'createRuntime', path: hook }],
    }
    const devices = ['0', 'all'].map((name) => ({ name, containerEdits: edits }))
    writeFileSync(described, JSON.stringify({ cdiVersion: '0.6.0', kind, devices }))
    try {
      const line = 'echo x > /dev/gpu0 && stat -c %F /dev/gpu0; echo $GPU; cat /opt/library; id -G'
      const seen = 'character special file\n0\nof the host0 4242'
      assert.equal(await run(line, { DeviceRequests: [{ Driver: 'cdi', DeviceIDs: [`${kind}=0`] }] }), seen)
      assert.match(readFileSync(join(here, 'hooked'), 'utf8'), /"ociVersion"/)
      assert.equal(await run(line, { DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }] }), seen)
      assert.equal(await run(line, { DeviceRequests: [{ Count: 1, Capabilities: [['gpu']] }] }), seen)
      const none = { DeviceRequests: [{ Driver: 'cdi', DeviceIDs: [`${kind}=7`] }] }
      assert.match(await run(line, none), /^400 Cannot find the device .*there now: .*=0/)
    } finally {
      rmSync(described)
    }
  })

  test('nothing is left', async () => {
    assert.deepEqual(await daemon.inventory(), [])
  })
})
