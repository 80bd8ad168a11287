import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { RuntimeError } from '../runtime-error.ts'

/** Orders that conmon takes on its `ctl` pipe: a line of three numbers. */
export type ControlOrder =
  | { readonly kind: 'resize'; readonly height: number; readonly width: number }
  | { readonly kind: 'reopen-log' }

/** Gives conmon an order. @throws RuntimeError NOT_RUNNING when it is gone */
export async function control(directory: string, id: string, order: ControlOrder): Promise<void> {
  const line = order.kind === 'resize' ? `1 ${String(order.height)} ${String(order.width)}\n` : '2 0 0\n'
  try {
    // Without O_NONBLOCK a pipe that nobody reads any more would block a thread for good.
    const pipe = await open(join(directory, 'ctl'), constants.O_WRONLY | constants.O_NONBLOCK)
    try {
      await pipe.write(line)
    } finally {
      await pipe.close()
    }
  } catch (error) {
    throw new RuntimeError('NOT_RUNNING', `Cannot control the monitor of container "${id}": it is gone`, {
      cause: error,
    })
  }
}
