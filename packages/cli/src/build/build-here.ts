import {
  build,
  type BuildOptions,
  type BuilderPorts,
  type BuildResult,
  describeDifference,
  verifyBuild,
} from '@gantry/builder'
import { CliError } from '../cli-error.ts'

/** What building here came to. */
export interface BuiltHere {
  readonly result: BuildResult
  /** To be called when nothing is drawn any more: says that two builds are the same. @throws {CliError} FAILED: they are not */
  readonly conclude: (say: (text: string) => void) => void
}

/** Builds in this process, once, or twice to compare. */
export async function buildHere(options: BuildOptions, ports: BuilderPorts, verify: boolean): Promise<BuiltHere> {
  if (!verify) return { result: await build(options, ports), conclude: () => undefined }
  if (typeof options.context !== 'string') {
    throw new CliError('INVALID', 'Cannot verify a build from standard input: it cannot be read twice')
  }
  const { result, again, difference } = await verifyBuild(options, ports)
  return {
    result,
    conclude(say) {
      if (difference === undefined) return say(`Verified: two builds made ${result.digest}\n`)
      const lines = describeDifference(difference).map((line) => `\n  ${line}`)
      throw new CliError('FAILED', `Two builds are not the same: ${result.digest} and ${again}${lines.join('')}`, {
        hint: 'Look for times, random numbers and the order of files in what the step does',
      })
    },
  }
}
