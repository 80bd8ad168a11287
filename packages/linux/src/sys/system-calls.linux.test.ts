import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { lstatSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  chownAt,
  close,
  createAt,
  linkAt,
  makeNodeAt,
  mkdirAt,
  openBeneath,
  setTimesAt,
  symlinkAt,
  unlinkAt,
} from './at.ts'
import { makeDevice, splitDevice } from './device.ts'
import { mountSteps } from './mount-flags.ts'
import { mountNow } from './mount.ts'
import { bootId, isAlive, processStartTime } from './process-identity.ts'
import { readInRoot } from './read-in-root.ts'
import { reservePort } from './reserve-port.ts'
import { connectSeqpacket } from './seqpacket-socket.ts'
import { mountPlaceOf } from './statx.ts'
import { SystemCallError } from './system-call-error.ts'
import { unmount, unmountAside, writtenBack } from './unmount.ts'
import { getAttribute, listAttributes, removeAttribute, setAttribute } from './xattr.ts'

const root = process.getuid?.() === 0
const asRoot = { skip: root ? false : 'needs root' }
const folder = mkdtempSync(join(tmpdir(), 'gantry-sys-'))
after(() => rmSync(folder, { recursive: true }))
const code = (expected: string) => (error: unknown) => error instanceof SystemCallError && error.code === expected

test('mountSteps splits what the kernel takes only one after the other', () => {
  assert.deepEqual(mountSteps([]), [0])
  assert.deepEqual(mountSteps(['ro', 'nosuid']), [3])
  assert.deepEqual(mountSteps(['rprivate']), [0x44000])
  assert.deepEqual(mountSteps(['rbind', 'ro', 'private']), [0x5000, 0x1021, 0x40000])
})

test('a mount has an ID of its own, and unmount takes it away once', asRoot, async () => {
  const target = join(folder, 'tmpfs')
  mkdirSync(target)
  const before = mountPlaceOf(target)
  mountNow({ source: 'tmpfs', target, type: 'tmpfs', flags: ['nosuid', 'nodev'], data: 'size=64k' })
  const during = mountPlaceOf(target)
  assert.notEqual(during.mount, before.mount)
  assert.match(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(` ${target} rw,nosuid,nodev`))
  assert.equal(await unmount(target), true)
  assert.equal(await unmount(target), false)
  assert.equal(await unmount(join(target, 'absent')), false)
  assert.deepEqual(mountPlaceOf(target), before)
})

test('a failed mount names the call, the errno and what to do', asRoot, () => {
  assert.throws(() => mountNow({ source: 'x', target: folder, type: 'no-such-fs' }), code('ENODEV'))
  assert.throws(() => mountNow({ source: 'x', target: folder, type: 'tmpfs', data: 'x'.repeat(5000) }), code('E2BIG'))
})

test('overlay options may be relative to a directory', asRoot, async () => {
  const base = join(folder, 'overlay')
  for (const name of ['1', 'up', 'work', 'on']) mkdirSync(join(base, name), { recursive: true })
  writeFileSync(join(base, '1/file'), 'lower')
  const cwd = process.cwd()
  const data = 'lowerdir=1,upperdir=up,workdir=work'
  mountNow({ source: 'overlay', target: join(base, 'on'), type: 'overlay', data, directory: base })
  assert.equal(process.cwd(), cwd)
  assert.equal(readFileSync(join(base, 'on/file'), 'utf8'), 'lower')
  await unmount(join(base, 'on'))
})

test('what is unmounted aside is gone at once, written back after, and then may be mounted again', asRoot, async () => {
  const base = join(folder, 'aside')
  for (const name of ['1', 'up', 'work', 'on']) mkdirSync(join(base, name), { recursive: true })
  const on = join(base, 'on')
  const data = 'lowerdir=1,upperdir=up,workdir=work'
  for (const text of ['first', 'second']) {
    await writtenBack(on)
    mountNow({ source: 'overlay', target: on, type: 'overlay', data, directory: base })
    writeFileSync(join(on, 'file'), text)
    const { mount } = mountPlaceOf(on)
    unmountAside(on)
    assert.notEqual(mountPlaceOf(on).mount, mount)
    assert.equal(readFileSync(join(base, 'up/file'), 'utf8'), text)
  }
  await writtenBack(on)
  assert.throws(() => unmountAside(join(base, 'absent')), { code: 'ENOENT' })
})

test('openBeneath never leaves the directory', () => {
  const base = join(folder, 'beneath')
  mkdirSync(join(base, 'a/b'), { recursive: true })
  symlinkSync('/etc', join(base, 'absolute'))
  symlinkSync('../../..', join(base, 'up'))
  symlinkSync('a', join(base, 'inside'))
  const fd = openSync(base, 'r')
  close(openBeneath(fd, 'a/b', { directory: true }))
  close(openBeneath(fd, 'inside/b', { directory: true }))
  close(openBeneath(fd, '', { directory: true }))
  assert.throws(() => openBeneath(fd, 'absolute', { directory: true }), code('EXDEV'))
  assert.throws(() => openBeneath(fd, 'up', { directory: true }), code('EXDEV'))
  assert.throws(() => openBeneath(fd, 'a/../../x'), code('EXDEV'))
  assert.throws(() => openBeneath(fd, '/etc'), code('EXDEV'))
  assert.throws(() => openBeneath(fd, 'inside/b', { directory: true, noSymlinks: true }), code('ELOOP'))
  assert.throws(() => openBeneath(fd, 'none'), code('ENOENT'))
  close(fd)
})

test('readInRoot follows links as inside, and reads only files', () => {
  const base = join(folder, 'image')
  mkdirSync(join(base, 'usr/etc'), { recursive: true })
  writeFileSync(join(base, 'usr/etc/passwd'), 'root:x:0:0\n')
  symlinkSync('/usr/etc', join(base, 'etc'))
  symlinkSync('../../../../../../etc/hostname', join(base, 'usr/escape'))
  symlinkSync('loop', join(base, 'loop'))
  symlinkSync('/proc/self/root/etc/hostname', join(base, 'magic'))
  assert.equal(readInRoot(base, '/etc/passwd', 100)?.toString(), 'root:x:0:0\n')
  assert.equal(readInRoot(base, '../../etc/passwd', 100)?.toString(), 'root:x:0:0\n')
  for (const path of ['usr/escape', 'loop', 'magic', 'none', 'usr'])
    assert.equal(readInRoot(base, path, 100), undefined, path)
  assert.throws(() => readInRoot(base, 'etc/passwd', 5), code('EFBIG'))
})

test('the calls relative to a directory make every type of node', asRoot, () => {
  const base = join(folder, 'at')
  mkdirSync(base)
  const fd = openSync(base, 'r')
  const file = createAt(fd, 'file', 0o640)
  assert.ok(file !== undefined)
  close(file)
  assert.equal(createAt(fd, 'file', 0o640), undefined)
  assert.equal(mkdirAt(fd, 'dir', 0o711), true)
  assert.equal(mkdirAt(fd, 'dir', 0o711), false)
  assert.equal(symlinkAt('/nowhere', fd, 'link'), true)
  assert.equal(linkAt(fd, 'file', fd, 'hard'), true)
  assert.equal(makeNodeAt(fd, 'null', 0o020666, makeDevice(1, 3)), true)
  chownAt(fd, 'link', 12, 34)
  setTimesAt(fd, 'link', 1234.5)
  const link = lstatSync(join(base, 'link'))
  assert.deepEqual([link.uid, link.gid, link.mtimeMs], [12, 34, 1_234_500])
  assert.equal(lstatSync(join(base, 'file')).nlink, 2)
  assert.deepEqual(splitDevice(lstatSync(join(base, 'null')).rdev), { major: 1, minor: 3 })
  assert.deepEqual(splitDevice(makeDevice(4095, 1_048_575)), { major: 4095, minor: 1_048_575 })
  unlinkAt(fd, 'dir', { directory: true })
  assert.throws(() => unlinkAt(fd, 'dir'), code('ENOENT'))
  close(fd)
})

test('extended attributes keep their bytes', asRoot, () => {
  const path = join(folder, 'attributes')
  writeFileSync(path, '')
  setAttribute(path, 'trusted.b', new Uint8Array([0, 1, 255]))
  setAttribute(path, 'trusted.a', new Uint8Array())
  assert.deepEqual(listAttributes(path), ['trusted.a', 'trusted.b'])
  assert.deepEqual(getAttribute(path, 'trusted.b'), new Uint8Array([0, 1, 255]))
  assert.deepEqual(getAttribute(path, 'trusted.a'), new Uint8Array())
  removeAttribute(path, 'trusted.a')
  removeAttribute(path, 'trusted.a')
  assert.equal(getAttribute(path, 'trusted.a'), undefined)
  assert.throws(() => listAttributes(`${path}-absent`), code('ENOENT'))
})

test('connectSeqpacket keeps packets apart, whatever the length of the path', async () => {
  const deep = join(folder, 'x'.repeat(90), 'y'.repeat(90))
  mkdirSync(deep, { recursive: true })
  const program = `
import os,socket,sys
os.chdir(sys.argv[1])
s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET); s.bind('attach'); s.listen(1); print('ready',flush=True)
c,_=s.accept(); c.send(b'1one'); c.send(b'2two'); print(c.recv(99).decode(),flush=True); print(repr(c.recv(99)),flush=True); c.close()`
  const server = spawn('python3', ['-c', program, deep], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  await new Promise<void>((resolve) => {
    server.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      resolve()
    })
  })
  const socket = connectSeqpacket(join(deep, 'attach'))
  const packets: string[] = []
  socket.on('data', (chunk: Buffer) => {
    packets.push(chunk.toString())
    if (packets.length === 2) socket.write('input', () => socket.end())
  })
  await new Promise((resolve) => socket.once('close', resolve))
  await new Promise((resolve) => server.once('close', resolve))
  assert.deepEqual(packets, ['1one', '2two'])
  assert.equal(said, "ready\ninput\nb''\n")
  assert.throws(() => connectSeqpacket(join(folder, 'none')), code('ENOENT'))
})

test('reservePort takes a port until it is disposed of', async () => {
  for (const [host, protocol] of [
    ['127.0.0.1', 'tcp'],
    ['::1', 'tcp'],
    ['0.0.0.0', 'udp'],
  ] as const) {
    using reserved = reservePort(host, 0, protocol)
    assert.ok(reserved.port > 0)
    assert.throws(() => reservePort(host, reserved.port, protocol), code('EADDRINUSE'))
  }
  let port: number
  {
    using reserved = reservePort('127.0.0.1', 0, 'tcp')
    port = reserved.port
  }
  const server = createServer().listen(port, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  server.close()
  assert.throws(() => reservePort('example', 1, 'tcp'), RangeError)
})

test('a process is told from a later one by its start time', async () => {
  const startTime = processStartTime(process.pid)
  assert.ok(startTime !== undefined)
  assert.equal(isAlive({ pid: process.pid, startTime }), true)
  assert.equal(isAlive({ pid: process.pid, startTime: '1' }), false)
  assert.equal(processStartTime(2 ** 22 + 1), undefined)
  assert.match(bootId(), /^[0-9a-f-]{36}$/)
  const child = spawn('true')
  await new Promise((resolve) => child.once('exit', resolve))
  assert.equal(processStartTime(child.pid ?? 0), undefined)
})
