import type { Bundle, RunOnceOptions, Runtime } from '@gantry/runtime'
import type { RunStep } from '../plan/planned-step.ts'

/** What a shell in the place of a failed step is made of. */
export interface DebugShellParts {
  readonly runtime: Pick<Runtime, 'runOnce'>
  readonly bundle: Bundle
  readonly step: RunStep
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly options: Pick<RunOnceOptions, 'owner' | 'signal'>
}

/** Runs a shell on this process's terminal in the container of a step that has failed, and answers with its exit code. */
export async function debugShell({ runtime, bundle, step, environment, options }: DebugShellParts): Promise<number> {
  const { process } = bundle.spec
  const [shell = '/bin/sh'] = step.instruction.command.form === 'shell' ? step.args : []
  const term = environment['TERM'] ?? 'xterm'
  const spec = {
    ...bundle.spec,
    process: { ...process, terminal: true, args: [shell], env: [...(process.env ?? []), `TERM=${term}`] },
  }
  const { exitCode } = await runtime.runOnce(
    { ...bundle, id: `${bundle.id}-shell`, spec },
    { ...options, terminal: true },
  )
  return exitCode
}
