import { workerUrl } from '@gantry/process'
import type { Refusal } from './refusal.ts'
import type { TraceMessage } from './trace-worker.ts'

/** A process and its descendants under observation. */
export interface RefusalTrace {
  /** Resolves with what was refused, in order, each kind once, when the last process has ended. */
  readonly ended: Promise<readonly Refusal[]>
}

/**
 * Observes a process and all that descend from it with ptrace(2), and notes each system call that fails with EPERM, EACCES, EROFS or
 * ENOSYS. What a seccomp filter refuses is seen too. At most 500 kinds. The processes run several times slower meanwhile, and are
 * killed when this process dies. The process must not be a child of this one's (Node would take its stops for its end).
 * @throws Error when it cannot be traced: it is gone, another traces it, or the kernel is older than 5.3
 */
export async function traceRefusals(pid: number): Promise<RefusalTrace> {
  const { Worker } = await import('node:worker_threads')
  const thread = new Worker(workerUrl('trace-worker', import.meta.url), { workerData: pid, trackUnmanagedFds: false })
  const refusals: Refusal[] = []
  const attached = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<readonly Refusal[]>()
  thread.on('message', (message: TraceMessage) => {
    if (message.kind === 'attached') attached.resolve()
    else if (message.kind === 'refusal') refusals.push(message.refusal)
    else attached.reject(new Error(`Cannot observe process ${String(pid)}: ${message.message}`))
  })
  thread.on('error', (error) => attached.reject(error))
  thread.on('exit', () => {
    attached.reject(new Error(`Cannot observe process ${String(pid)}: it has ended`))
    ended.resolve(refusals)
  })
  await attached.promise
  return { ended: ended.promise }
}
