import { heredocBody, parseHeredocWord, resolveMount, type RunInstruction, type RunMount } from '@gantry/dockerfile'
import { commandWords, shellOf } from './apply-metadata.ts'
import { checkEntitlements } from './entitlements.ts'
import { addHistory, argsPrefix } from './history.ts'
import type { Evaluation } from './plan-stage.ts'
import type { PlannedMount, RunStep } from './planned-step.ts'

/** Where a script is put that a heredoc with `#!` holds. */
export const scriptDirectory = '/dev/pipes'

/** Evaluates RUN: nothing in it is expanded, the shell does that. */
export function planRunStep(evaluation: Evaluation, instruction: RunInstruction): RunStep {
  const { state, created } = evaluation
  checkEntitlements(evaluation, instruction)
  checkWatched(evaluation, instruction)
  const { args, script } = whatToRun(evaluation, instruction)
  addHistory(state, `RUN ${argsPrefix(state)}${args.join(' ')}`, {
    layer: true,
    created,
    mark: true,
  })
  return {
    kind: 'run',
    instruction,
    text: instruction.written,
    args,
    env: [...state.scope].map(([name, value]) => `${name}=${value}`),
    buildArgs: [...state.args.keys()],
    cwd: state.config.WorkingDir || '/',
    user: state.config.User ?? '',
    mounts: instruction.mounts.map((mount) => planMount(evaluation, mount)),
    network: instruction.network === 'default' ? evaluation.network : instruction.network,
    script,
    insecure: instruction.security === 'insecure',
    devices: instruction.devices.map(({ name, required }) => ({ name, required })),
  }
}

// What reaches past the one who watches would make of the record a lie.
function checkWatched(evaluation: Evaluation, { network, security, range }: RunInstruction): void {
  if (!evaluation.isWatched) return
  const flag = network === 'host' ? '--network=host' : security === 'insecure' ? '--security=insecure' : undefined
  if (flag === undefined) return
  evaluation.refuse(
    `RUN ${flag} reaches the network past this build, which records or restricts what RUN reaches`,
    range,
  )
}

function planMount(evaluation: Evaluation, written: RunMount): PlannedMount {
  const { state, stage } = evaluation
  const expandValue = (text: string): string => evaluation.expand({ text, range: written.range })
  const mount = resolveMount(written, { expand: expandValue, directory: state.config.WorkingDir || '/' })
  if ('message' in mount) return evaluation.refuse(mount.message, written.range, mount.hint)
  const from = 'from' in mount ? mount.from : undefined
  return { mount, source: stage.files.get(written), from }
}

function whatToRun(evaluation: Evaluation, instruction: RunInstruction): Pick<RunStep, 'args' | 'script'> {
  const { command, heredocs } = instruction
  const [first] = heredocs
  if (command.form === 'exec' || first === undefined)
    return { args: commandWords(evaluation, command), script: undefined }
  const shell = shellOf(evaluation)
  if (parseHeredocWord(command.text) === undefined) {
    // More than a heredoc alone: the shell reads it as it was written.
    const bodies = heredocs.map(({ content, name }) => `\n${content}${name}`)
    return { args: [...shell, command.text + bodies.join('')], script: undefined }
  }
  const content = heredocBody(first)
  if (!content.startsWith('#!')) return { args: [...shell, content], script: undefined }
  return { args: [...shell, `${scriptDirectory}/${first.name}`], script: { name: first.name, content } }
}
