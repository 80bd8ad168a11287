import { parseDuration } from '../duration.ts'
import type { Text } from '../range.ts'
import type { HealthcheckInstruction } from '../syntax.ts'
import { isBlank } from '../words.ts'
import { commandOf, flagsOf, type InstructionRequest, refuse } from './request.ts'

const millisecond = 1_000_000
const durations = ['interval', 'timeout', 'start-period', 'start-interval'] as const

/** Reads HEALTHCHECK NONE, or CMD with its times. */
export function parseHealthcheck(request: InstructionRequest): HealthcheckInstruction {
  const { rest } = request
  let at = rest.start
  while (at < rest.end && !isBlank(rest.line.text[at])) at++
  const type = rest.line.slice(rest.start, at)
  while (at < rest.end && isBlank(rest.line.text[at])) at++
  const none = type.text.toUpperCase() === 'NONE'
  if (!none && type.text.toUpperCase() !== 'CMD') {
    refuse(request, `cannot be "${type.text}"`, undefined, 'HEALTHCHECK NONE, or HEALTHCHECK [flags] CMD command')
  }
  const flags = flagsOf(request, { values: none ? [] : [...durations, 'retries'] })
  if (none && at < rest.end) refuse(request, 'NONE takes no arguments')
  const [interval, timeout, startPeriod, startInterval] = durations.map((name) =>
    durationOf(request, name, flags.value(name)),
  )
  return {
    kind: 'healthcheck',
    ...request.base,
    command: none ? undefined : commandOf(request, { ...rest, start: at }),
    interval: interval ?? 0,
    timeout: timeout ?? 0,
    startPeriod: startPeriod ?? 0,
    startInterval: startInterval ?? 0,
    retries: retriesOf(request, flags.value('retries')),
  }
}

function durationOf(request: InstructionRequest, name: string, value: Text | undefined): number {
  if (value === undefined) return 0
  const duration = parseDuration(value.text)
  if (duration === undefined) {
    request.source.fail(
      'FLAG_INVALID',
      `--${name} is not a duration: "${value.text}"`,
      value.range,
      'for example 30s or 1m30s',
    )
  }
  if (duration !== 0 && duration < millisecond) {
    request.source.fail('FLAG_INVALID', `--${name} must be 0 or at least 1ms, not "${value.text}"`, value.range)
  }
  return duration
}

function retriesOf(request: InstructionRequest, value: Text | undefined): number {
  if (value === undefined) return 0
  const retries = Number(value.text)
  if (!/^\+?\d+$/.test(value.text) || retries > 0x7fffffff) {
    request.source.fail('FLAG_INVALID', `--retries must be a number of times, not "${value.text}"`, value.range)
  }
  return retries
}
