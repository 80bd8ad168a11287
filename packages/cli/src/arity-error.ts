import type { Command } from './command.ts'
import { CliError } from './cli-error.ts'

/** The error for too few or too many arguments, in docker's words. */
export function arityError(command: Command, given: number): CliError {
  const { min, max } = command.arity
  const name = `'gantry ${command.name}'`
  const some = (count: number): string => `${count} argument${count === 1 ? '' : 's'}`
  if (max === 0) return new CliError('ARGUMENTS', `${name} accepts no arguments`)
  if (max === min) return new CliError('ARGUMENTS', `${name} requires ${some(min)}`)
  if (given < min) return new CliError('ARGUMENTS', `${name} requires at least ${some(min)}`)
  return new CliError('ARGUMENTS', `${name} requires at most ${some(max ?? min)}`)
}
