import { expandText, parseDockerfile, type StageInstruction, type Text } from '@gantry/dockerfile'
import type { ContainerConfig } from '@gantry/oci'
import { EngineError } from '../engine-error.ts'

/**
 * A configuration with Dockerfile instructions applied, as `--change` of `commit` and `import` does: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK,
 * LABEL, ONBUILD, SHELL, STOPSIGNAL, USER, VOLUME, WORKDIR.
 *
 * @throws {EngineError} SPEC_INVALID: another instruction
 * @throws {DockerfileError}
 */
export function applyChanges(config: ContainerConfig, changes: readonly string[]): ContainerConfig {
  if (changes.length === 0) return config
  const dockerfile = parseDockerfile(['FROM scratch', ...changes].join('\n'), { file: '--change' })
  const variables = new Map<string, string>()
  for (const each of config.Env ?? []) {
    const at = each.indexOf('=')
    if (at > 0) variables.set(each.slice(0, at), each.slice(at + 1))
  }
  const expand = (text: Text): string => expandText(dockerfile, text, variables).value
  const [stage] = dockerfile.stages
  let changed = config
  for (const instruction of stage?.instructions ?? []) {
    changed = { ...changed, ...applyOne(changed, instruction, { expand, variables }) }
  }
  return changed
}

interface Scope {
  readonly expand: (text: Text) => string
  readonly variables: Map<string, string>
}

function applyOne(
  config: ContainerConfig,
  instruction: StageInstruction,
  { expand, variables }: Scope,
): ContainerConfig {
  switch (instruction.kind) {
    case 'env': {
      const pairs = instruction.pairs.map(({ name, value }) => [expand(name), expand(value)] as const)
      const env = new Map((config.Env ?? []).map((each) => [each.slice(0, each.indexOf('=')), each]))
      for (const [name, value] of pairs) {
        env.set(name, `${name}=${value}`)
        variables.set(name, value)
      }
      return { Env: [...env.values()] }
    }
    case 'label': {
      const labels = instruction.pairs.map(({ name, value }) => [expand(name), expand(value)] as const)
      return { Labels: { ...config.Labels, ...Object.fromEntries(labels) } }
    }
    case 'cmd':
    case 'entrypoint': {
      const { command } = instruction
      const shell = config.Shell ?? ['/bin/sh', '-c']
      const words = command.form === 'exec' ? command.words : [...shell, command.text]
      return instruction.kind === 'cmd' ? { Cmd: words } : { Entrypoint: words }
    }
    case 'expose': {
      const ports = instruction.arguments.map((each) => portOf(expand(each)))
      return { ExposedPorts: { ...config.ExposedPorts, ...setOf(ports) } }
    }
    case 'volume':
      return { Volumes: { ...config.Volumes, ...setOf(instruction.arguments.map(expand)) } }
    case 'user':
      return { User: expand(instruction.argument) }
    case 'stopsignal':
      return { StopSignal: expand(instruction.argument) }
    case 'workdir': {
      const path = expand(instruction.argument)
      return { WorkingDir: path.startsWith('/') ? path : `${(config.WorkingDir ?? '').replace(/\/$/, '')}/${path}` }
    }
    case 'shell':
      return { Shell: instruction.words }
    case 'onbuild':
      return { OnBuild: [...(config.OnBuild ?? []), instruction.trigger] }
    case 'healthcheck': {
      const { command, interval, timeout, startPeriod, startInterval, retries } = instruction
      if (command === undefined) return { Healthcheck: { Test: ['NONE'] } }
      return {
        Healthcheck: {
          Test: command.form === 'exec' ? ['CMD', ...command.words] : ['CMD-SHELL', command.text],
          ...(interval === 0 ? {} : { Interval: interval }),
          ...(timeout === 0 ? {} : { Timeout: timeout }),
          ...(startPeriod === 0 ? {} : { StartPeriod: startPeriod }),
          ...(startInterval === 0 ? {} : { StartInterval: startInterval }),
          ...(retries === 0 ? {} : { Retries: retries }),
        },
      }
    }
    default:
      throw new EngineError(
        'SPEC_INVALID',
        `Cannot apply the change ${instruction.kind.toUpperCase()}: it is not one of the configuration`,
        {
          hint: 'Use CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, STOPSIGNAL, USER, VOLUME or WORKDIR',
        },
      )
  }
}

function portOf(text: string): string {
  if (/^\d{1,5}(?:\/(?:tcp|udp|sctp))?$/.test(text)) return text.includes('/') ? text : `${text}/tcp`
  throw new EngineError('SPEC_INVALID', `Cannot expose "${text}": it is no port such as 80 or 53/udp`)
}

function setOf(keys: readonly string[]): Record<string, Record<string, never>> {
  return Object.fromEntries(keys.map((key) => [key, {}]))
}
