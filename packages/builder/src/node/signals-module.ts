/**
 * Loaded before the program. In a container the program is process 1, and the kernel does not end that one by a signal it does not
 * handle: without this, stopping it would take until it is killed.
 */
export const signalsModule = `'use strict'
// A program that is process 1 is not ended by signals that it does not handle; this ends it as anywhere else.
if (process.pid === 1) {
  for (const [signal, code] of [['SIGTERM', 143], ['SIGINT', 130], ['SIGHUP', 129], ['SIGQUIT', 131]]) {
    const end = () => { if (process.listenerCount(signal) === 1) process.exit(code) }
    process.on(signal, end)
  }
}
`

/** Where it is, relative to the project's directory in the image. */
export const signalsPath = '.gantry/signals.cjs'
