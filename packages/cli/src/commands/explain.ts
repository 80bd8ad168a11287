import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { renderExplanation } from '../explain/render-explanation.ts'
import { boolean } from '../flags/flag.ts'

/** `gantry explain` */
export const explain: Command = defineCommand({
  name: 'explain',
  summary: 'Tell everything that was done to the system for a container',
  usage: '[OPTIONS] CONTAINER',
  details:
    'Every namespace, mount, link, address, firewall element, limit, capability and seccomp profile, in order: why it is\nthere, the shell command that does the same, how long it took, and what will undo it.',
  arguments: [1, 1],
  flags: { json: boolean('Print as JSON') },
  async run({ context, flags, args: [name = ''] }) {
    const { gantry } = await context.daemon()
    const explanation = await gantry.explain(name)
    context.out.write(
      flags.json
        ? `${JSON.stringify(explanation, undefined, 2)}\n`
        : renderExplanation(explanation, context.out.isTerminal ? context.out.columns : 100),
    )
  },
})
