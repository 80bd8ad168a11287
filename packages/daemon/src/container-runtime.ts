import { createRuntime, RuntimeError, type Runtime, type RuntimeParts } from '@gantry/runtime'

/**
 * The runtime for containers and build steps. Where the host lacks a program for it, everything else goes on working, and
 * whoever wants to run something is told what to install.
 */
export function containerRuntime(parts: RuntimeParts): Runtime {
  try {
    return createRuntime({ ...parts, ...patience(process.env['GANTRY_RUNTIME_TIMEOUT']) })
  } catch (error) {
    if (error instanceof RuntimeError) return missing(error)
    throw error
  }
}

/** Seconds, as a text. */
function patience(text: string | undefined): Pick<RuntimeParts, 'patience'> {
  const seconds = Number(text)
  return text !== undefined && seconds > 0 ? { patience: seconds * 1000 } : {}
}

function missing(error: RuntimeError): Runtime {
  const refuse = (): Promise<never> => Promise.reject(error)
  return {
    name: 'none',
    features: () => {
      throw error
    },
    create: refuse,
    // Not `undefined`: containers that run do so without us, and would be taken for lost.
    open: refuse,
    runOnce: refuse,
    close: () => {},
  }
}
