import type { Client, ContainerCreateBody, Explanation } from '@gantry/client'
import { CliError } from '../cli-error.ts'
import { toCreateBody } from '../container/to-create-body.ts'
import { run } from '../commands/run.ts'
import type { FlagValues } from '../flags/flag.ts'
import { parseFlags } from '../flags/parse-flags.ts'
import type { ContainerFlags } from '../container/container-flags.ts'
import { splitWords } from './split-words.ts'

/** What `gantry run LINE` would do. The line is read as the command reads its own; a `run` or `gantry run` before it is taken away.
 * @throws CliError USAGE, INVALID; ApiError when the image is not here */
export async function planOfRun(
  client: Client,
  line: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Explanation> {
  const words = splitWords(line.replace(/^\s*((gantry|docker|podman)\s+)?(container\s+)?run(\s+|$)/, ''))
  const { values, args } = parseFlags(run.flags, words, { stopAtFirstArgument: true })
  const [image, ...command] = args
  if (image === undefined)
    throw new CliError('USAGE', 'Cannot plan "run": name an image, as in --run "-p 8080:80 nginx"')
  // The flags are those of `run`, which has those of every container among them.
  const flags = values as FlagValues<ContainerFlags> & { readonly detach: boolean }
  const body: ContainerCreateBody = toCreateBody({ flags, image, command, env, detach: flags.detach })
  return client.gantry.plan(body, {
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.platform === undefined ? {} : { platform: flags.platform }),
  })
}
