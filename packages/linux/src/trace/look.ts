import { closeSync, lstatSync, openSync, readFileSync, readlinkSync, readSync, statSync, type Stats } from 'node:fs'
import { splitDevice } from '../sys/device.ts'
import { fileArguments, type FileArgument } from './call-arguments.ts'
import type { RefusedPath, RefusedProcess } from './refusal.ts'

const AT_FDCWD = -100

/** What decides over a process's calls, from /proc. The process is stopped. */
export function lookAtProcess(pid: number): RefusedProcess {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8')
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? ''
  const numbers = (name: string): number[] => field(name).split(/\s+/).filter(Boolean).map(Number)
  const profile = attempt(() =>
    readFileSync(`/proc/${String(pid)}/attr/current`, 'utf8')
      .trim()
      .replace(/\0$/, ''),
  )
  const users = (of: string): string | undefined => attempt(() => readlinkSync(`/proc/${of}/ns/user`))
  return {
    pid,
    name: field('Name'),
    uid: numbers('Uid')[3] ?? 0,
    gid: numbers('Gid')[3] ?? 0,
    groups: numbers('Groups'),
    effective: field('CapEff'),
    noNewPrivileges: field('NoNewPrivs') === '1',
    ownUsers: users(String(pid)) !== users('self'),
    ...(profile === undefined || profile === '' || profile.startsWith('unconfined') ? {} : { apparmor: profile }),
    setId: attempt(() => (statSync(`/proc/${String(pid)}/exe`).mode & 0o6000) !== 0) ?? false,
  }
}

/** The files that a call names. The process is stopped. */
export function lookAtPaths(pid: number, call: string, args: readonly bigint[]): RefusedPath[] {
  return fileArguments(call).flatMap((argument) => {
    const given = attempt(() => givenPath(pid, argument, args))
    return given === undefined ? [] : [lookAtPath(pid, given)]
  })
}

/** The address that a call names, for those that take one second: bind and connect. */
export function lookAtAddress(
  pid: number,
  call: string,
  args: readonly bigint[],
): { family: number; port?: number } | undefined {
  if (call !== 'bind' && call !== 'connect') return undefined
  const bytes = readMemory(pid, args[1] ?? 0n, 4)
  if (bytes === undefined) return undefined
  const family = bytes.readUInt16LE(0)
  return family === 2 || family === 10 ? { family, port: bytes.readUInt16BE(2) } : { family }
}

function givenPath(pid: number, { directory, path, descriptor }: FileArgument, args: readonly bigint[]): string {
  if (descriptor !== undefined) return readlinkSync(`/proc/${String(pid)}/fd/${String(args[descriptor])}`)
  const text = readText(pid, args[path ?? 0] ?? 0n)
  if (text.startsWith('/')) return text
  const fd = directory === undefined ? AT_FDCWD : Number(BigInt.asIntN(32, args[directory] ?? 0n))
  const base = readlinkSync(`/proc/${String(pid)}/${fd === AT_FDCWD ? 'cwd' : `fd/${String(fd)}`}`)
  return text === '' ? base : `${base}/${text}`
}

function lookAtPath(pid: number, given: string): RefusedPath {
  const root = `/proc/${String(pid)}/root`
  const { path, way, status } = walk(root, given)
  return {
    given,
    path,
    kind: kindOf(status),
    mode: (status?.mode ?? 0) & 0o7777,
    uid: status?.uid ?? 0,
    gid: status?.gid ?? 0,
    ...(status?.isCharacterDevice() === true || status?.isBlockDevice() === true
      ? { device: splitDevice(status.rdev) }
      : {}),
    way,
    mount: mountOf(pid, path),
  }
}

/** Goes a path as the process would, links in it included. */
function walk(root: string, given: string): { path: string; way: RefusedPath['way']; status: Stats | undefined } {
  let parts = given.split('/').filter((part) => part !== '' && part !== '.')
  let at: string[] = []
  const way: { path: string; mode: number; uid: number; gid: number }[] = []
  let status: Stats | undefined = attempt(() => lstatSync(`${root}/`))
  for (let links = 0; parts.length > 0 && links < 40;) {
    const [part = '', ...rest] = parts
    parts = rest
    if (part === '..') {
      at = at.slice(0, -1)
      continue
    }
    if (status !== undefined)
      way.push({ path: `/${at.join('/')}`, mode: status.mode & 0o7777, uid: status.uid, gid: status.gid })
    status = attempt(() => lstatSync(`${root}/${[...at, part].join('/')}`))
    if (status === undefined) return { path: `/${[...at, part, ...rest].join('/')}`, way, status }
    if (!status.isSymbolicLink()) {
      at = [...at, part]
      continue
    }
    links++
    const target = attempt(() => readlinkSync(`${root}/${[...at, part].join('/')}`)) ?? ''
    if (target.startsWith('/')) at = []
    parts = [...target.split('/').filter((each) => each !== '' && each !== '.'), ...rest]
    status = attempt(() => lstatSync(`${root}/${at.join('/')}`))
  }
  return { path: `/${at.join('/')}`, way, status }
}

function kindOf(status: Stats | undefined): RefusedPath['kind'] {
  if (status === undefined) return 'absent'
  if (status.isFile()) return 'file'
  if (status.isDirectory()) return 'directory'
  return status.isCharacterDevice() ? 'character' : status.isBlockDevice() ? 'block' : 'other'
}

function mountOf(pid: number, path: string): RefusedPath['mount'] {
  let found: RefusedPath['mount'] = { point: '/', type: '', options: [] }
  for (const line of (attempt(() => readFileSync(`/proc/${String(pid)}/mountinfo`, 'utf8')) ?? '').split('\n')) {
    const [left = '', right = ''] = line.split(' - ')
    const [, , , , point = '', own = ''] = left.split(' ')
    const [type = '', , all = ''] = right.split(' ')
    const inside = point === '/' || path === point || path.startsWith(`${point}/`)
    // Of two at one place the later is seen.
    if (point !== '' && inside && point.length >= found.point.length)
      found = {
        point,
        type,
        options: [...new Set([...own.split(','), ...all.split(',').filter((word) => word === 'ro')])],
      }
  }
  return found
}

function readText(pid: number, address: bigint): string {
  // A page at a time: the next one may not be there.
  const bytes = readMemory(pid, address, 4096 - Number(address & 4095n)) ?? Buffer.alloc(0)
  let end = bytes.indexOf(0)
  if (end >= 0) return bytes.toString('utf8', 0, end)
  const more = readMemory(pid, address + BigInt(bytes.length), 4096) ?? Buffer.alloc(0)
  end = more.indexOf(0)
  return bytes.toString() + more.toString('utf8', 0, Math.max(end, 0))
}

function readMemory(pid: number, address: bigint, length: number): Buffer | undefined {
  return attempt(() => {
    const fd = openSync(`/proc/${String(pid)}/mem`, 'r')
    try {
      const bytes = Buffer.alloc(length)
      return bytes.subarray(0, readSync(fd, bytes, 0, length, address))
    } finally {
      closeSync(fd)
    }
  })
}

/** What is looked at may be gone, or not be ours to see. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
