import { constants } from 'node:os'
import { isAlive } from '@gantry/linux'
import { RuntimeError } from '../runtime-error.ts'
import type { ProcessIdentity } from './task-files.ts'

/** Sends a signal to exactly this process. @throws RuntimeError NOT_RUNNING, SPEC_INVALID for an unknown name */
export function signalProcess(target: ProcessIdentity, signal: NodeJS.Signals | number, what: string): void {
  const number = typeof signal === 'number' ? signal : constants.signals[signal]
  if (!Number.isInteger(number) || number < 0 || number > 64) {
    throw new RuntimeError('SPEC_INVALID', `"${String(signal)}" is not a signal`)
  }
  if (!isAlive(target)) throw new RuntimeError('NOT_RUNNING', `Cannot send ${String(signal)} to ${what}: it has ended`)
  try {
    process.kill(target.pid, number)
  } catch (error) {
    throw new RuntimeError('NOT_RUNNING', `Cannot send ${String(signal)} to ${what}: it has ended`, { cause: error })
  }
}
