/** Where in the life of a change a fault can be put. */
export type FaultStep =
  | 'before-intent'
  | 'after-intent'
  | 'after-act'
  | 'before-confirm'
  | 'after-confirm'
  | 'settled'
  | 'undo-begin'
  | 'undo-after-act'
  | 'undo-after-mark'
  | 'undo-end'

/** Called at every step, with the sequence of the change where there is one. A test may throw in it, or kill the process. */
export type Faults = (step: FaultStep, sequence?: number) => void

/** A hook that ends this process with SIGKILL at the n-th step, counted from 1. */
export function faultAt(step: number): Faults {
  let count = 0
  return () => {
    count++
    if (count === step) process.kill(process.pid, 'SIGKILL')
  }
}

/** The hook that GANTRY_FAULT_AT asks for; tests of a whole daemon set it. */
export function faultsOf(env: Readonly<Record<string, string | undefined>>): Faults | undefined {
  const step = Number(env['GANTRY_FAULT_AT'])
  return Number.isInteger(step) && step > 0 ? faultAt(step) : undefined
}
