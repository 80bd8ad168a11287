import type { Client, Firewall } from '@gantry/client'
import { CliError } from '../cli-error.ts'

/** Asks for the firewall's report, and for the name of the container that is asked about, if one is. @throws CliError ARGUMENTS */
export async function explainPorts(
  { gantry, containers }: Pick<Client, 'gantry' | 'containers'>,
  [name = '', ...more]: readonly string[],
): Promise<{ report: Firewall; container: string | undefined }> {
  if (more.length > 0) throw new CliError('ARGUMENTS', '"gantry explain --ports" takes at most one container')
  const container = name === '' ? undefined : (await containers.inspect(name)).Name.replace(/^\//, '')
  return { report: await gantry.firewall(), container }
}
