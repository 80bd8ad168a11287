import { writeFileSync } from 'node:fs'
import type { Denials } from '@gantry/client'
import { CliError } from '../cli-error.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { defineCommand } from '../command.ts'
import { renderDenials } from '../explain/render-denials.ts'
import { renderExplanation } from '../explain/render-explanation.ts'
import { boolean, choice, integer, text } from '../flags/flag.ts'

/** `gantry explain` */
export const explain: Command = defineCommand({
  name: 'explain',
  summary: 'Tell everything that was done to the system for a container, or why it is refused something',
  usage: '[OPTIONS] CONTAINER',
  details: `Every namespace, mount, link, address, firewall element, limit, capability and seccomp profile, in order: why it is
there, the shell command that does the same, how long it took, and what will undo it.

With --why-denied, runs a command (the container's own, unless one is given) in a throw-away copy of the container, without its
network and with a layer over its volumes, sees which system calls the kernel refuses, and says what refused each (seccomp, a
capability, a read-only or masked path, a device rule, a file's permissions, a mount option, AppArmor, a user namespace) and
which flag would allow it. --prove runs it again with those flags.

gantry explain CONTAINER
gantry explain --why-denied [--prove] CONTAINER [-- COMMAND [ARG...]]
gantry explain --diff CONTAINER CONTAINER
gantry explain --run '[OPTIONS] IMAGE [COMMAND] [ARG...]'
gantry explain --ports [CONTAINER]`,
  arguments: [0],
  flags: {
    diff: boolean('Tell in what two containers differ'),
    format: choice('Output as text or json', ['text', 'json']),
    json: boolean('Print as JSON'),
    'keep-network': boolean('With --why-denied: give the copy the network of the container'),
    'keep-volumes': boolean('With --why-denied: let the copy write to the volumes themselves'),
    ports: boolean("Show published ports, every rule of the host's firewall, and who made it"),
    prove: boolean('With --why-denied: run it again with the flags, but for those that reach the host'),
    'prove-on-host': boolean('With --why-denied: run it again also with flags by which it may act on the host'),
    run: text('Tell what "gantry run" with these options and arguments would do, without doing it'),
    timeout: integer('With --why-denied: seconds after which the command is ended', { initial: 10 }),
    'why-denied': boolean('Tell what refused a command something, and which flag would allow it'),
    'write-profile': text('With --why-denied: write the seccomp profile that would allow it to this file'),
  },
  async run({ context, flags, args: [name = '', ...command] }) {
    const json = flags.json || flags.format === 'json'
    const print = (value: unknown, words: (columns: number) => string): void =>
      context.out.write(
        json ? `${JSON.stringify(value, undefined, 2)}\n` : words(context.out.isTerminal ? context.out.columns : 100),
      )
    const modes = [flags.diff, flags.run !== undefined, flags['why-denied'], flags.ports].filter(Boolean).length
    if (modes > 1) throw new CliError('USAGE', 'give only one of --diff, --ports, --run and --why-denied')
    if (flags.ports) {
      const { explainPorts } = await import('../explain/explain-ports.ts')
      const { report, container } = await explainPorts(await context.daemon(), [name, ...command])
      const { renderPorts } = await import('../explain/render-ports.ts')
      print(report, () => renderPorts(report, container))
      return
    }
    if (flags.run !== undefined) {
      if (name !== '') throw new CliError('USAGE', 'put all that "gantry run" would get between quotes: --run "..."')
      const { planOfRun } = await import('../explain/plan-of-run.ts')
      const plan = await planOfRun(await context.daemon(), flags.run, context.env)
      print(plan, (columns) => renderExplanation(plan, columns))
      return
    }
    const wanted = flags.diff ? 2 : 1
    if (name === '' || (!flags['why-denied'] && command.length !== wanted - 1))
      throw new CliError(
        'ARGUMENTS',
        `"gantry explain" requires ${wanted === 2 ? 'two containers with --diff' : 'one container'}`,
      )
    if (flags.diff) {
      const { renderComparison } = await import('../explain/render-comparison.ts')
      const { gantry } = await context.daemon()
      const compared = await gantry.compare(name, command[0] ?? '')
      print(compared, (columns) => renderComparison(compared, columns))
      return
    }
    if (!flags['why-denied']) {
      const { gantry } = await context.daemon()
      const explanation = await gantry.explain(name)
      print(explanation, (columns) => renderExplanation(explanation, columns))
      return
    }
    const { gantry } = await context.daemon()
    const denials = await gantry.whyDenied(name, {
      ...(command.length === 0 ? {} : { Command: [...command] }),
      Prove: flags['prove-on-host'] ? 'all' : flags.prove ? 'safe' : 'none',
      Network: flags['keep-network'],
      Volumes: flags['keep-volumes'],
      Timeout: (flags.timeout ?? 10) * 1000,
    })
    print(denials, (columns) => renderDenials(denials, columns))
    if (flags['write-profile'] !== undefined) writeProfile(context, denials, flags['write-profile'])
  },
})

function writeProfile(context: Context, { refusals }: Denials, path: string): void {
  const profile = refusals.find((call) => call.profile !== undefined)?.profile
  if (profile === undefined) throw new CliError('INVALID', `Cannot write "${path}": no seccomp profile is in the way`)
  writeFileSync(path, `${JSON.stringify(JSON.parse(profile), undefined, 2)}\n`)
  context.err.write(`Wrote ${path}: use it with --security-opt seccomp=${path}\n`)
}
