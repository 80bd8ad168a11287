import { readFields } from '../csv.ts'
import { checkMount } from '../mount.ts'
import type { Text } from '../range.ts'
import type { RunInstruction, RunMount } from '../syntax.ts'
import { commandOf, flagsOf, type InstructionRequest, refuse } from './request.ts'

const networks = ['default', 'none', 'host'] as const
const securities = ['sandbox', 'insecure'] as const

/** Reads RUN; its heredocs belong to the shell form. */
export function parseRun(request: InstructionRequest): RunInstruction {
  const flags = flagsOf(request, { values: ['network', 'security'], lists: ['mount', 'device'] })
  const command = commandOf(request)
  if (command.form === 'exec' && command.words.length === 0) refuse(request, 'needs a command')
  return {
    kind: 'run',
    ...request.base,
    command,
    heredocs: request.heredocs,
    mounts: flags.list('mount').map((value) => parseMount(request, value)),
    network: oneOf(request, 'network', flags.value('network'), networks),
    security: oneOf(request, 'security', flags.value('security'), securities),
    devices: flags.list('device').map((value) => parseDevice(request, value)),
  }
}

function oneOf<Word extends string>(
  request: InstructionRequest,
  flag: string,
  value: Text | undefined,
  words: readonly [Word, ...Word[]],
): Word {
  if (value === undefined) return words[0]
  const found = words.find((word) => word === value.text.toLowerCase())
  if (found !== undefined) return found
  return request.source.fail(
    'FLAG_INVALID',
    `RUN --${flag} does not know "${value.text}"`,
    value.range,
    `it takes ${words.join(', ')}`,
  )
}

function parseMount(request: InstructionRequest, { text, range }: Text): RunMount {
  const fields = readFields(text)
  if (fields === undefined) {
    request.source.fail('FLAG_INVALID', 'RUN --mount has a double quote that is never closed', range)
  }
  const mount: RunMount = {
    range,
    fields: fields.map((field) => {
      const equals = field.indexOf('=')
      return equals === -1
        ? { key: field.toLowerCase(), value: undefined }
        : { key: field.slice(0, equals).toLowerCase(), value: field.slice(equals + 1) }
    }),
  }
  const mistake = checkMount(mount)
  if (mistake !== undefined) request.source.fail('FLAG_INVALID', mistake.message, range, mistake.hint)
  return mount
}

/** `vendor.com/class=name[,required]`, as the Container Device Interface names devices; `name=` may stand before it. */
function parseDevice(request: InstructionRequest, { text, range }: Text): RunInstruction['devices'][number] {
  const [first = '', ...rest] = text.split(',')
  const name = first.startsWith('name=') ? first.slice('name='.length) : first
  let required = false
  for (const field of rest) {
    const match = /^required(?:=(true|false|1|0))?$/.exec(field)
    if (match === null) {
      request.source.fail('FLAG_INVALID', `RUN --device does not know "${field}"`, range, '--device=NAME[,required]')
    }
    required = match[1] === undefined || match[1] === 'true' || match[1] === '1'
  }
  if (!/^[\w./*-]+(?:=[\w.:*-]+)?$/.test(name)) {
    request.source.fail('FLAG_INVALID', `RUN --device cannot be "${name}"`, range, 'for example vendor.com/device=name')
  }
  return { name, required, range }
}
