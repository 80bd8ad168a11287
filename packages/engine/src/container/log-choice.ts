import { existsSync } from 'node:fs'
import type { LogLimits } from '@gantry/runtime'
import { EngineError } from '../engine-error.ts'
import { checkTag, logTag } from './log-tag.ts'
import type { ContainerRecord } from './record.ts'
import type { ContainerSpec, CreateRequest, LogChoice } from './spec.ts'

/** What becomes of output where nobody says: files of our own form, this much of them. */
export const defaultLog: LogChoice = { driver: 'local', options: { 'max-size': '10m', 'max-file': '3' } }

/** Where output goes when a container does not say: a driver, and options for those that take that driver. */
export interface LogDefault {
  readonly driver: LogChoice['driver']
  readonly options: Readonly<Record<string, string>>
}

/** What a container asks for, with the default where it does not say: Docker merges the options of the same driver, and of no other. */
export function withDefaultLog(asked: CreateRequest['log'], fallback: LogDefault | undefined): CreateRequest['log'] {
  if (fallback === undefined) return asked
  const driver = asked?.driver === undefined || asked.driver === '' ? fallback.driver : asked.driver
  const options = asked?.options ?? {}
  return { driver, options: driver === fallback.driver ? { ...fallback.options, ...options } : options }
}

const drivers: readonly string[] = ['json-file', 'local', 'journald', 'none']

/** Options that only say what `--details` shows beside each line. */
const attributeOptions: readonly string[] = ['env', 'env-regex', 'labels', 'labels-regex', 'tag']

const fileOptions: readonly string[] = ['compress', 'max-file', 'max-size', 'mode', 'max-buffer-size']

const journalSocket = '/run/systemd/journal/socket'

/**
 * Checks a driver and its options, and adds the limits that hold where none are given.
 *
 * @throws EngineError SPEC_INVALID for an unknown driver, option or value; NOT_SUPPORTED for what Docker has and Gantry has not
 */
export function chooseLog(asked: CreateRequest['log']): LogChoice {
  const driver = asked?.driver === undefined || asked.driver === '' ? defaultLog.driver : asked.driver
  const options = asked?.options ?? {}
  if (!isDriver(driver))
    throw new EngineError('NOT_SUPPORTED', `the logging driver "${driver}" is not supported`, {
      hint: `Known are ${drivers.join(', ')}`,
    })
  const known =
    driver === 'none' ? [] : driver === 'journald' ? attributeOptions : [...attributeOptions, ...fileOptions]
  const hint = known.length === 0 ? 'it takes none' : `Known are ${known.toSorted().join(', ')}`
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw new EngineError('SPEC_INVALID', `unknown log opt '${name}' for ${driver} log driver`, { hint })
  }
  for (const name of ['env-regex', 'labels-regex']) patternOf(options, name)
  checkTag(options['tag'] ?? '')
  if (driver === 'none' || driver === 'journald') return { driver, options }
  const defaults = options['max-size'] === '-1' ? { 'max-file': '1' } : defaultLog.options
  const effective = { ...defaults, ...options }
  limitsOf(effective)
  return { driver, options: effective }
}

/** @throws EngineError NOT_SUPPORTED when the driver is journald and this host has none */
export function checkLogHost({ log }: Pick<ContainerSpec, 'log'>): void {
  if (log?.driver !== 'journald' || existsSync(journalSocket)) return
  throw new EngineError('NOT_SUPPORTED', `Cannot log to journald: there is no ${journalSocket} on this host`, {
    hint: 'take another --log-driver: local, json-file or none',
  })
}

/** The bounds of the files of a container's output; undefined when it is not kept in files. */
export function logLimits({ log = defaultLog }: Pick<ContainerSpec, 'log'>): LogLimits | undefined {
  if (log.driver === 'none') return undefined
  // What goes to the journal is kept here as well, so that "logs" can read it.
  return limitsOf(log.driver === 'journald' ? defaultLog.options : log.options)
}

/** What `--details` shows: labels and variables that the options name, `key=value` by key. */
export function logAttributes(container: Pick<ContainerRecord, 'id' | 'name' | 'image' | 'spec'>): string[] {
  const { log = defaultLog, labels, env } = container.spec
  const variables = Object.fromEntries(
    env.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]),
  )
  const found = new Map<string, string>()
  const choose = (from: Readonly<Record<string, string>>, listOption: string, patternOption: string): void => {
    const names = (log.options[listOption] ?? '').split(',')
    const pattern = patternOf(log.options, patternOption)
    for (const [name, value] of Object.entries(from))
      if (names.includes(name) || pattern?.test(name) === true) found.set(name, value)
  }
  choose(labels, 'labels', 'labels-regex')
  choose(variables, 'env', 'env-regex')
  const tag = logTag(container)
  if (tag !== undefined) found.set('tag', tag)
  return [...found]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
}

function isDriver(text: string): text is LogChoice['driver'] {
  return drivers.includes(text)
}

function patternOf(options: Readonly<Record<string, string>>, name: string): RegExp | undefined {
  const text = options[name]
  if (text === undefined || text === '') return undefined
  try {
    return new RegExp(text)
  } catch (cause) {
    throw new EngineError('SPEC_INVALID', `invalid value for log opt '${name}': "${text}" is no regular expression`, {
      cause,
    })
  }
}

function limitsOf(options: Readonly<Record<string, string>>): LogLimits {
  const size = options['max-size'] ?? ''
  const maxSize = size === '-1' ? undefined : bytesOf(size)
  const files = options['max-file'] ?? '1'
  const maxFiles = /^\d{1,6}$/.test(files) ? Number(files) : 0
  if (maxFiles < 1)
    throw new EngineError(
      'SPEC_INVALID',
      `invalid value for log opt 'max-file': "${files}" is not a number of at least 1`,
    )
  if (maxSize === undefined && maxFiles > 1)
    throw new EngineError('SPEC_INVALID', `log opt 'max-file' has no effect without a 'max-size'`)
  if (!isTrue(options, 'compress')) return { maxSize, maxFiles }
  if (maxFiles === 1)
    throw new EngineError('SPEC_INVALID', 'compress cannot be true when max-file is less than 2 or max-size is not set')
  return { maxSize, maxFiles, compress: true }
}

/** As Go's strconv.ParseBool has it. */
function isTrue(options: Readonly<Record<string, string>>, name: string): boolean {
  const text = options[name] ?? 'false'
  if (/^(?:1|t|T|TRUE|true|True)$/.test(text)) return true
  if (/^(?:0|f|F|FALSE|false|False)$/.test(text)) return false
  throw new EngineError('SPEC_INVALID', `invalid value for log opt '${name}': "${text}" is neither true nor false`)
}

const powers: readonly string[] = ['', 'k', 'm', 'g', 't']

function bytesOf(text: string): number {
  const match = /^(\d{1,12})([kmgt]?)(?:i?b)?$/i.exec(text)
  const bytes = Number(match?.[1] ?? 0) * 1024 ** powers.indexOf((match?.[2] ?? '').toLowerCase())
  if (bytes < 1 || !Number.isSafeInteger(bytes))
    throw new EngineError('SPEC_INVALID', `invalid value for log opt 'max-size': "${text}" is not a size such as 10m`)
  return bytes
}
