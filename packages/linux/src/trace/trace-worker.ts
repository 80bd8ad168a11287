import { parentPort, workerData } from 'node:worker_threads'
import { errno, libc } from '../sys/libc.ts'
import { SystemCallError } from '../sys/system-call-error.ts'
import { lookAtAddress, lookAtPaths, lookAtProcess } from './look.ts'
import type { Refusal, RefusalError } from './refusal.ts'
import { systemCallName } from './system-call-names.ts'

/** What the worker tells. */
export type TraceMessage =
  | { readonly kind: 'attached' }
  | { readonly kind: 'refusal'; readonly refusal: Refusal }
  | { readonly kind: 'failed'; readonly message: string }

const ptraceCall = libc('ptrace', ['int32', 'int32', 'pointer', 'pointer'], 'int64')
const waitpidCall = libc('waitpid', ['int32', 'pointer', 'int32'])

// linux/ptrace.h
const PTRACE_SYSCALL = 24
const PTRACE_SEIZE = 0x4206
const PTRACE_INTERRUPT = 0x4207
const PTRACE_LISTEN = 0x4208
const PTRACE_GET_SYSCALL_INFO = 0x420e
const PTRACE_EVENT_STOP = 128
// Marks stops at system calls; follows fork, vfork, clone and exec; ends all that is traced when this thread ends.
const options = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x100000
const SIGTRAP = 5
// Only what this thread traces: the other children of this process are somebody else's.
// __WALL and __WNOTHREAD of linux/wait.h.
const waitAll = 0x40000000
const ownThread = 0x20000000

const errors: ReadonlyMap<bigint, RefusalError> = new Map([
  [-1n, 'EPERM'],
  [-13n, 'EACCES'],
  [-30n, 'EROFS'],
  [-38n, 'ENOSYS'],
])

const most = 500

interface Entered {
  readonly architecture: number
  readonly number: number
  readonly args: readonly bigint[]
}

const entered = new Map<number, Entered>()
const seen = new Set<string>()
// struct ptrace_syscall_info: op u8, arch u32 at 4, then at 24 either nr and six arguments, or the result and whether it is an error.
const info = Buffer.alloc(88)

function ptrace(request: number, pid: number, address: bigint, data: bigint | Buffer): number {
  return Number(ptraceCall(request, pid, address, data))
}

function tell(message: TraceMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort?.postMessage(message)
}

function trace(pid: number): void {
  if (ptrace(PTRACE_SEIZE, pid, 0n, BigInt(options)) !== 0)
    throw new SystemCallError(errno(), 'ptrace', `process ${String(pid)}`)
  ptrace(PTRACE_INTERRUPT, pid, 0n, 0n)
  const status = Buffer.alloc(4)
  let attached = false
  for (;;) {
    const tid = Number(waitpidCall(-1, status, waitAll | ownThread))
    if (tid < 0) return
    const word = status.readInt32LE(0)
    if ((word & 0xff) !== 0x7f) {
      entered.delete(tid)
      continue
    }
    const signal = (word >> 8) & 0xff
    const event = word >> 16
    let deliver = 0
    if (signal === (SIGTRAP | 0x80)) atCall(tid)
    else if (event === 0) deliver = signal
    else if (event === PTRACE_EVENT_STOP) {
      if (signal !== SIGTRAP) {
        ptrace(PTRACE_LISTEN, tid, 0n, 0n)
        continue
      }
      if (!attached) tell({ kind: 'attached' })
      attached = true
    }
    ptrace(PTRACE_SYSCALL, tid, 0n, BigInt(deliver))
  }
}

function atCall(tid: number): void {
  ptrace(PTRACE_GET_SYSCALL_INFO, tid, BigInt(info.length), info)
  if (info[0] === 1) {
    const args = [0, 1, 2, 3, 4, 5].map((index) => info.readBigUInt64LE(32 + 8 * index))
    entered.set(tid, { architecture: info.readUInt32LE(4), number: Number(info.readBigUInt64LE(24)), args })
    return
  }
  const call = entered.get(tid)
  entered.delete(tid)
  const error = info[0] === 2 && info[32] === 1 ? errors.get(info.readBigInt64LE(24)) : undefined
  if (error !== undefined && call !== undefined && seen.size < most) refused(tid, call, error)
}

function refused(tid: number, { architecture, number, args }: Entered, error: RefusalError): void {
  const call = systemCallName(architecture, number) ?? `system call ${String(number)}`
  let refusal: Refusal
  try {
    const address = lookAtAddress(tid, call, args)
    refusal = {
      call,
      error,
      args,
      process: lookAtProcess(tid),
      paths: lookAtPaths(tid, call, args),
      ...(address === undefined ? {} : { address }),
    }
  } catch {
    // It was ended from outside while it was looked at.
    return
  }
  const key = [call, error, refusal.process.name, ...refusal.paths.map(({ path }) => path)].join('\0')
  if (seen.has(key)) return
  seen.add(key)
  tell({ kind: 'refusal', refusal })
}

try {
  trace(Number(workerData))
} catch (error) {
  tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
}
