import { runStatus } from '@gantry/process'
import { RuntimeError, type RuntimeErrorCode } from '../runtime-error.ts'
import { classifyRuntimeError } from './classify-error.ts'

/** The OCI runtime's program, its state directory and its fixed arguments. */
export interface OciProgram {
  readonly name: 'runc' | 'crun'
  readonly path: string
  /** The runtime's own state, private to one Gantry. */
  readonly root: string
  /** Arguments before every command. */
  readonly args: readonly string[]
  /** Milliseconds that one command may take. */
  readonly patience: number
}

/**
 * Runs a command of the OCI runtime to its end and answers with what it wrote.
 * @throws RuntimeError with the code that its words mean, else `fallback`
 */
export async function ociCommand(
  program: OciProgram,
  args: readonly string[],
  options: {
    readonly tried: string
    readonly fallback: RuntimeErrorCode
    readonly input?: string
    readonly env?: Readonly<Record<string, string | undefined>>
  },
): Promise<string> {
  const status = await runStatus(program.path, [...program.args, ...args], {
    timeout: program.patience,
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.env === undefined ? {} : { env: options.env }),
  }).catch((error: unknown) => {
    const hangs = error instanceof Error && 'code' in error && error.code === 'TIMEOUT'
    throw new RuntimeError(
      hangs ? 'RUNTIME_HANGS' : options.fallback,
      `${options.tried}: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    )
  })
  if (status.code === 0) return status.stdout
  const said = status.stderr.trim() === '' ? status.stdout : status.stderr
  throw classifyRuntimeError(options.tried, said, options.fallback)
}
