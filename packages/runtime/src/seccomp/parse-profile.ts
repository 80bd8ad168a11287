import { RuntimeError } from '../runtime-error.ts'
import type { SeccompArgument, SeccompFilter, SeccompProfile, SeccompRule } from './seccomp-profile.ts'

/**
 * Reads a seccomp profile as Docker and Podman take it: with `syscalls` (a `name` or `names` each), and either an `archMap` or a list
 * of `architectures`. A profile that says nothing of architectures holds for this machine's alone.
 * @see https://docs.docker.com/engine/security/seccomp/ and https://github.com/opencontainers/runtime-spec/blob/v1.1.0/config-linux.md#seccomp
 * @throws RuntimeError SPEC_INVALID naming the member that does not fit
 */
export function parseSeccompProfile(text: string): SeccompProfile {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new RuntimeError('SPEC_INVALID', 'Cannot use the seccomp profile: it is not JSON', { cause })
  }
  const profile = objectOf(value, 'the profile')
  const errno = numberOf(profile['defaultErrnoRet'], 'defaultErrnoRet')
  const architectures = textsOf(profile['architectures'], 'architectures')
  const archMap = listOf(profile['archMap'], 'archMap').map((each, index) => {
    const entry = objectOf(each, `archMap[${index}]`)
    return {
      architecture: needText(entry['architecture'], `archMap[${index}].architecture`),
      subArchitectures: textsOf(entry['subArchitectures'], `archMap[${index}].subArchitectures`) ?? [],
    }
  })
  if (architectures !== undefined && archMap.length > 0) throw invalid('archMap', 'not together with architectures')
  return {
    defaultAction: actionOf(profile['defaultAction'], 'defaultAction'),
    ...(errno === undefined ? {} : { defaultErrnoRet: errno }),
    archMap,
    ...(architectures === undefined ? {} : { architectures }),
    rules: listOf(profile['syscalls'], 'syscalls').map((each, index) => ruleOf(each, `syscalls[${index}]`)),
  }
}

function ruleOf(value: unknown, path: string): SeccompRule {
  const rule = objectOf(value, path)
  const { name } = rule
  const names = textsOf(rule['names'], `${path}.names`) ?? []
  if (name !== undefined && name !== '' && names.length > 0) throw invalid(`${path}.name`, 'not together with names')
  const all = name === undefined || name === '' ? names : [needText(name, `${path}.name`)]
  if (all.length === 0) throw invalid(`${path}.names`, 'the names of system calls')
  const errnoRet = numberOf(rule['errnoRet'], `${path}.errnoRet`)
  const args = listOf(rule['args'], `${path}.args`).map((each, index) => argumentOf(each, `${path}.args[${index}]`))
  return {
    names: all,
    action: actionOf(rule['action'], `${path}.action`),
    ...(errnoRet === undefined ? {} : { errnoRet }),
    ...(args.length === 0 ? {} : { args }),
    ...filters(rule, path),
  }
}

function filters(rule: Members, path: string): Pick<SeccompRule, 'includes' | 'excludes'> {
  const read = (name: 'includes' | 'excludes'): SeccompFilter | undefined => {
    if (rule[name] === undefined || rule[name] === null) return undefined
    const filter = objectOf(rule[name], `${path}.${name}`)
    const arches = textsOf(filter['arches'], `${path}.${name}.arches`)
    const caps = textsOf(filter['caps'], `${path}.${name}.caps`)
    const minKernel =
      filter['minKernel'] === undefined ? undefined : needText(filter['minKernel'], `${path}.${name}.minKernel`)
    return {
      ...(arches === undefined || arches.length === 0 ? {} : { arches }),
      ...(caps === undefined || caps.length === 0 ? {} : { caps }),
      ...(minKernel === undefined || minKernel === '' ? {} : { minKernel }),
    }
  }
  const [includes, excludes] = [read('includes'), read('excludes')]
  return { ...(includes === undefined ? {} : { includes }), ...(excludes === undefined ? {} : { excludes }) }
}

function argumentOf(value: unknown, path: string): SeccompArgument {
  const argument = objectOf(value, path)
  const op = needText(argument['op'], `${path}.op`)
  if (!/^SCMP_CMP_(NE|LT|LE|EQ|GE|GT|MASKED_EQ)$/.test(op))
    throw invalid(`${path}.op`, 'a comparison such as SCMP_CMP_EQ')
  const valueTwo = numberOf(argument['valueTwo'], `${path}.valueTwo`)
  return {
    index: numberOf(argument['index'], `${path}.index`) ?? 0,
    value: numberOf(argument['value'], `${path}.value`) ?? 0,
    ...(valueTwo === undefined ? {} : { valueTwo }),
    op,
  }
}

type Members = Readonly<Record<string, unknown>>

function objectOf(value: unknown, path: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(path, 'an object')
  return value as Members
}

function listOf(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw invalid(path, 'a list')
  return value
}

function textsOf(value: unknown, path: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  return listOf(value, path).map((each) => needText(each, path))
}

function needText(value: unknown, path: string): string {
  if (typeof value !== 'string') throw invalid(path, 'a text')
  return value
}

function numberOf(value: unknown, path: string): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw invalid(path, 'a whole number')
  return value
}

function actionOf(value: unknown, path: string): string {
  const action = needText(value, path)
  if (!/^SCMP_ACT_(KILL|KILL_PROCESS|KILL_THREAD|TRAP|ERRNO|TRACE|ALLOW|LOG)$/.test(action))
    throw invalid(path, 'an action such as SCMP_ACT_ERRNO')
  return action
}

function invalid(path: string, expected: string): RuntimeError {
  return new RuntimeError('SPEC_INVALID', `Cannot use the seccomp profile: ${path} is not as expected (${expected})`)
}
