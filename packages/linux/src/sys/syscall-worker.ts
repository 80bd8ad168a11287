import { closeSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { unmountNow } from './mount.ts'
import { errorCode, SystemCallError } from './system-call-error.ts'

/** A call that may wait, and is therefore made on a thread of its own. */
export type BlockingCall = { readonly id: number } & (
  | { readonly call: 'umount'; readonly target: string; readonly detach: boolean }
  | { readonly call: 'close'; readonly fd: number }
)

/** Its answer. */
export type BlockingAnswer =
  | { readonly id: number; readonly value: boolean }
  | { readonly id: number; readonly errno: number; readonly code: string; readonly syscall: string }

parentPort?.on('message', (message: BlockingCall) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort?.postMessage(answer(message))
})

function answer(message: BlockingCall): BlockingAnswer {
  try {
    if (message.call === 'umount')
      return { id: message.id, value: unmountNow(message.target, { detach: message.detach }) }
    closeSync(message.fd)
    return { id: message.id, value: true }
  } catch (error) {
    const errno = error instanceof SystemCallError ? error.errno : 5
    return { id: message.id, errno, code: errorCode(error) ?? 'EIO', syscall: message.call }
  }
}
