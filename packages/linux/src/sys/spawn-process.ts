import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { checked, libc, type NativeFunction, type NativeValue } from './libc.ts'
import { SystemCallError } from './system-call-error.ts'

/** What is started, and what it inherits. */
export interface SpawnProcessRequest {
  /** Absolute. */
  readonly path: string
  readonly args: readonly string[]
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>
  readonly directory: string
  /** Its descriptors from 0 on: nothing (/dev/null), a stream of ours, or a descriptor of ours. */
  readonly descriptors: readonly ('ignore' | 'pipe' | number)[]
}

/** A process that was started. */
export interface SpawnedProcess {
  readonly pid: number
  /** Our ends of the descriptors that are pipes, under their numbers. */
  readonly streams: ReadonlyMap<number, Socket>
  /** Resolves when it has ended. It is waited for in any case. */
  readonly ended: () => Promise<void>
}

const spawnCall = libc('posix_spawn', ['pointer', 'string', 'pointer', 'pointer', 'pointer', 'pointer'])
const initActions = libc('posix_spawn_file_actions_init', ['pointer'])
const addDup = libc('posix_spawn_file_actions_adddup2', ['pointer', 'int32', 'int32'])
const addOpen = libc('posix_spawn_file_actions_addopen', ['pointer', 'int32', 'string', 'int32', 'uint32'])
const addDirectory = libc('posix_spawn_file_actions_addchdir_np', ['pointer', 'string'])
const freeActions = libc('posix_spawn_file_actions_destroy', ['pointer'])
const initAttributes = libc('posix_spawnattr_init', ['pointer'])
const setFlags = libc('posix_spawnattr_setflags', ['pointer', 'int16'])
const setMask = libc('posix_spawnattr_setsigmask', ['pointer', 'pointer'])
const setDefault = libc('posix_spawnattr_setsigdefault', ['pointer', 'pointer'])
const freeAttributes = libc('posix_spawnattr_destroy', ['pointer'])
const socketpairCall = libc('socketpair', ['int32', 'int32', 'int32', 'pointer'])
const fcntlCall = libc('fcntl', ['int32', 'int32', 'int32'])
const waitpidCall = libc('waitpid', ['int32', 'pointer', 'int32'])

const AF_UNIX = 1
const SOCK_STREAM = 1
const SOCK_CLOEXEC = 0o2000000
const F_DUPFD_CLOEXEC = 1030
const O_RDWR = 2
const WNOHANG = 1
// spawn.h: default signal actions, no signal blocked, a session of its own.
const POSIX_SPAWN_SETSIGDEF = 0x04
const POSIX_SPAWN_SETSIGMASK = 0x08
const POSIX_SPAWN_SETSID = 0x80
// More than glibc's and musl's opaque types take (80, 336 and 128 bytes).
const opaque = 512
const signalBytes = 8

/**
 * Starts a program in a session of its own by posix_spawn(3), which shares this process's memory until the program is there. What Node
 * has copies the page tables of this process first: at 100 MB that is 4 ms of processor time, and as long a halt. For what is started
 * with every container; everything else goes through the package `process`.
 * @throws SystemCallError ENOENT, EACCES, EMFILE and others; nothing is left open then
 */
export function spawnProcess(request: SpawnProcessRequest): SpawnedProcess {
  const ours = new Map<number, number>()
  const open: number[] = []
  const actions = Buffer.alloc(opaque)
  const attributes = Buffer.alloc(opaque)
  need(initActions, actions)
  need(initAttributes, attributes)
  try {
    for (const [index, what] of request.descriptors.entries()) {
      if (what === 'ignore') {
        need(addOpen, actions, index, '/dev/null', O_RDWR, 0)
        continue
      }
      let source = what
      if (source === 'pipe') {
        const [own, other] = socketPair()
        ours.set(index, own)
        source = other
        open.push(other)
      }
      // Out of the way of the numbers that the child will have, which are filled one after another.
      const moved = checked(fcntlCall(source, F_DUPFD_CLOEXEC, request.descriptors.length + 3), 'fcntl', 'a descriptor')
      open.push(moved)
      need(addDup, actions, moved, index)
    }
    need(addDirectory, actions, request.directory)
    setSignals(attributes)
    const pid = call(request, actions, attributes)
    const streams = new Map([...ours].map(([index, fd]) => [index, new Socket({ fd, readable: true, writable: true })]))
    return { pid, streams, ended: reaper(pid) }
  } catch (error) {
    for (const fd of ours.values()) closeSync(fd)
    throw error
  } finally {
    for (const fd of open) closeSync(fd)
    freeActions(actions)
    freeAttributes(attributes)
  }
}

function call({ path, args, env }: SpawnProcessRequest, actions: Buffer, attributes: Buffer): number {
  const pid = new Int32Array(1)
  const environment = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const [argv, variables] = [texts([path, ...args]), texts(environment)]
  const error = Number(spawnCall(pid, path, actions, attributes, argv.pointers, variables.pointers))
  if (error !== 0) throw new SystemCallError(error, 'posix_spawn', `"${path}"`)
  return pid[0] ?? 0
}

/** Texts as C has them: an array of pointers that ends with none. What is pointed to lives as long as the answer. */
function texts(values: readonly string[]): { readonly pointers: BigUint64Array; readonly bytes: readonly Buffer[] } {
  const ffi = process.getBuiltinModule('node:ffi')
  const bytes = values.map((value) => Buffer.from(`${value}\0`))
  return { pointers: BigUint64Array.from([...bytes.map((each) => ffi.getRawPointer(each)), 0n]), bytes }
}

function setSignals(attributes: Buffer): void {
  need(setMask, attributes, Buffer.alloc(opaque))
  // Node ignores SIGPIPE, and what is ignored stays so in a program that is started. Every bit: sigfillset(3) leaves out what the C
  // library keeps for itself, and posix_spawn(3) would then have the program ignore that.
  const all = Buffer.alloc(opaque).fill(0xff, 0, signalBytes)
  need(setDefault, attributes, all)
  need(setFlags, attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID)
}

function socketPair(): [own: number, other: number] {
  const pair = new Int32Array(2)
  checked(socketpairCall(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 'socketpair', 'a pipe')
  return [pair[0] ?? -1, pair[1] ?? -1]
}

/** These answer with the error's number. */
function need(work: NativeFunction, ...values: readonly NativeValue[]): void {
  const error = Number(work(...values))
  if (error !== 0) throw new SystemCallError(error, 'posix_spawn', 'its attributes')
}

/** Waits for a child without a signal handler, which is Node's: asked for its end it looks every millisecond, else now and then. */
function reaper(pid: number): () => Promise<void> {
  let isOver = false
  const status = new Int32Array(1)
  const look = (): boolean => {
    isOver ||= Number(waitpidCall(pid, status, WNOHANG)) !== 0
    return isOver
  }
  const later = (delay: number): void => {
    const timer = setTimeout(() => {
      if (!look()) later(Math.min(delay * 2, 10_000))
    }, delay)
    timer.unref()
  }
  later(50)
  return async () => {
    while (!look()) await sleep(1)
  }
}
