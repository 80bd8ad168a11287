import type { Ulimit } from '@gantry/client'
import { CliError } from '../cli-error.ts'

/** A limit as `--ulimit` has it: `nofile=1024:2048`. @throws CliError INVALID */
export function ulimitOf(text: string): Ulimit {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text)
  if (match === null) throw new CliError('INVALID', `Cannot use the limit "${text}": it is not NAME=SOFT[:HARD]`)
  const soft = Number(match[2])
  return { Name: match[1] ?? '', Soft: soft, Hard: Number(match[3] ?? soft) }
}
