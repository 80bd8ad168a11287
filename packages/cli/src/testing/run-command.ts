import type { Command } from '../command.ts'
import { parseFlags } from '../flags/parse-flags.ts'
import type { TransportWorld } from './transport-world.ts'

/** What one command line came to. */
export interface RanCommand {
  readonly code: number
  readonly out: string
}

/** Runs one command line in a world of transports, as the program does after it found the command; errors reject. */
export async function runCommand(
  world: TransportWorld,
  command: Command,
  ...line: readonly string[]
): Promise<RanCommand> {
  const { values, args } = parseFlags(command.flags, line, { stopAtFirstArgument: command.stopAtFirstArgument })
  const { result, out } = await world.command((context) => command.run(context, values, args))
  return { code: result ?? 0, out }
}
