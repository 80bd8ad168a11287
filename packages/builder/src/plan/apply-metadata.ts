import {
  type CommandInstruction,
  type CommandLine,
  formatDuration,
  type HealthcheckInstruction,
  type ListInstruction,
  type OnbuildInstruction,
  type PairsInstruction,
  type ShellInstruction,
  type TextInstruction,
} from '@gantry/dockerfile'
import type { Healthcheck } from '@gantry/oci'
import { addHistory, quoteGo, quoteWords } from './history.ts'
import type { Evaluation } from './plan-stage.ts'
import { parsePorts, PortError } from './ports.ts'
import { setEnv } from './stage-state.ts'

type MetadataInstruction =
  | PairsInstruction
  | TextInstruction
  | ListInstruction
  | CommandInstruction
  | ShellInstruction
  | HealthcheckInstruction
  | OnbuildInstruction

/** Applies an instruction that changes the image's configuration and no files. */
export function applyMetadata(evaluation: Evaluation, instruction: MetadataInstruction): void {
  const { state, created } = evaluation
  const text = describe(evaluation, instruction)
  if (text !== undefined) addHistory(state, text, { layer: false, created })
}

/** Changes the state and returns the history's words for it; there are none for ONBUILD, as in BuildKit. */
function describe(evaluation: Evaluation, instruction: MetadataInstruction): string | undefined {
  const { state } = evaluation
  const { config } = state
  switch (instruction.kind) {
    case 'env': {
      const pairs = expandPairs(evaluation, instruction)
      for (const [name, value] of pairs) setEnv(state, name, value)
      return `ENV ${pairs.map(([name, value]) => `${name}=${value}`).join(' ')}`
    }
    case 'label': {
      const pairs = expandPairs(evaluation, instruction)
      config.Labels = { ...config.Labels, ...Object.fromEntries(pairs) }
      return `LABEL ${pairs.map(([name, value]) => `${name}=${value}`).join(' ')}`
    }
    case 'cmd': {
      const { command } = instruction
      config.Cmd = commandWords(evaluation, command)
      config.ArgsEscaped = true
      state.commandSet = true
      return `CMD ${quoteWords(config.Cmd)}`
    }
    case 'entrypoint': {
      const words = commandWords(evaluation, instruction.command)
      if (words.length > 0) config.Entrypoint = words
      else delete config.Entrypoint
      if (!state.commandSet) delete config.Cmd
      return `ENTRYPOINT ${quoteWords(words)}`
    }
    case 'expose':
      return expose(evaluation, instruction)
    case 'volume': {
      const paths = instruction.arguments.flatMap((path) => evaluation.expand(path))
      for (const [index, path] of paths.entries()) {
        if (path === '')
          evaluation.refuse('VOLUME has a path that is empty after expansion', instruction.arguments[index]!.range)
      }
      config.Volumes = { ...config.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) }
      return `VOLUME [${paths.join(' ')}]`
    }
    case 'user': {
      const user = evaluation.expand(instruction.argument)
      config.User = user
      return `USER ${user}`
    }
    case 'stopsignal': {
      const signal = evaluation.expand(instruction.argument)
      if (!isSignal(signal)) {
        evaluation.refuse(
          `STOPSIGNAL does not know the signal "${signal}"`,
          instruction.argument.range,
          'for example SIGTERM or 15',
        )
      }
      config.StopSignal = signal
      return `STOPSIGNAL ${signal}`
    }
    case 'shell':
      config.Shell = instruction.words
      return `SHELL [${instruction.words.join(' ')}]`
    case 'maintainer':
      state.author = instruction.argument.text
      return `MAINTAINER ${instruction.argument.text}`
    case 'healthcheck': {
      const check = healthcheck(evaluation, instruction)
      config.Healthcheck = check
      return `HEALTHCHECK ${describeHealthcheck(check)}`
    }
    case 'onbuild':
      config.OnBuild = [...(config.OnBuild ?? []), instruction.trigger]
      return undefined
    case 'workdir':
      throw new TypeError('WORKDIR makes a layer')
  }
  return unreachable(instruction)
}

function unreachable(instruction: never): never {
  throw new TypeError(`unknown instruction ${JSON.stringify(instruction)}`)
}

/** All pairs see the variables as they were before the instruction. */
function expandPairs(evaluation: Evaluation, instruction: PairsInstruction): [string, string][] {
  return instruction.pairs.map(({ name, value }) => {
    const expanded = evaluation.expand(name)
    if (expanded === '') evaluation.refuse(`the name "${name.text}" is empty after expansion`, name.range)
    return [expanded, evaluation.expand(value)]
  })
}

/** The command as it is executed: the shell form behind the stage's SHELL. */
export function commandWords(evaluation: Evaluation, command: CommandLine): readonly string[] {
  return command.form === 'exec' ? command.words : [...shellOf(evaluation), command.text]
}

/** The stage's SHELL. */
export function shellOf(evaluation: Evaluation): readonly string[] {
  const { Shell } = evaluation.state.config
  return Shell !== undefined && Shell.length > 0 ? Shell : ['/bin/sh', '-c']
}

function expose(evaluation: Evaluation, instruction: ListInstruction): string {
  const { config } = evaluation.state
  const ports = instruction.arguments
    .toSorted((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .flatMap((argument) => {
      try {
        return parsePorts(evaluation.words(argument))
      } catch (error) {
        if (!(error instanceof PortError)) throw error
        return evaluation.refuse(`EXPOSE ${error.message}`, argument.range, 'for example 80, 53/udp or 8000-8010/tcp')
      }
    })
  config.ExposedPorts = { ...config.ExposedPorts, ...Object.fromEntries(ports.map((port) => [port, {}])) }
  return `EXPOSE [${ports.join(' ')}]`
}

function healthcheck(evaluation: Evaluation, instruction: HealthcheckInstruction): Healthcheck {
  const { command, interval, timeout, startPeriod, startInterval, retries } = instruction
  if (command === undefined) return { Test: ['NONE'] }
  if (command.form === 'exec' && command.words.length === 0) {
    evaluation.refuse('HEALTHCHECK CMD needs a command', command.range)
  }
  return {
    Test: command.form === 'exec' ? ['CMD', ...command.words] : ['CMD-SHELL', command.text],
    ...(interval === 0 ? {} : { Interval: interval }),
    ...(timeout === 0 ? {} : { Timeout: timeout }),
    ...(startPeriod === 0 ? {} : { StartPeriod: startPeriod }),
    ...(startInterval === 0 ? {} : { StartInterval: startInterval }),
    ...(retries === 0 ? {} : { Retries: retries }),
  }
}

/** As Go prints the structure with %q. */
function describeHealthcheck(check: Healthcheck): string {
  const times = [check.Interval, check.Timeout, check.StartPeriod, check.StartInterval]
  const printed = times.map((time) => quoteGo(formatDuration(time ?? 0)))
  const retries = quoteGo(String.fromCodePoint(check.Retries ?? 0)).slice(1, -1)
  return `&{${[quoteWords(check.Test ?? []), ...printed].join(' ')} '${retries}'}`
}

const signals = new Set(
  (
    'HUP INT QUIT ILL TRAP ABRT IOT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CLD CONT STOP TSTP TTIN TTOU URG XCPU ' +
    'XFSZ VTALRM PROF WINCH IO POLL PWR SYS UNUSED RTMIN RTMAX'
  ).split(' '),
)

/** A number from 1 to 64, or a name with or without SIG, as Docker takes it. */
function isSignal(text: string): boolean {
  if (/^\d+$/.test(text)) return Number(text) >= 1 && Number(text) <= 64
  const name = text.toUpperCase().replace(/^SIG/, '')
  return signals.has(name) || /^RTMIN\+(?:[1-9]|1[0-5])$/.test(name) || /^RTMAX-(?:[1-9]|1[0-4])$/.test(name)
}
