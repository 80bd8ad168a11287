import type { Command } from '../command.ts'
import { WebhookQueue } from '@gantry/registry'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { listFormat } from '../format/format-flag.ts'
import { printRows } from '../format/print-rows.ts'
import { openRegistryWorld } from '../registry/open-registry-world.ts'

/** `gantry registry webhooks` */
export const registryWebhooks: Command = defineCommand({
  name: 'registry webhooks',
  summary: 'List, retry or forget the messages that webhooks could not be told',
  usage: '[ls|retry|forget] [ID...]',
  details: 'Without IDs, retry and forget are for all of them. A server that runs sends what is to be tried again.',
  arguments: [0],
  flags: { format: listFormat() },
  async run({ context, flags, args }) {
    const [verb = 'ls', ...rest] = args
    const ids = rest.map((text) => {
      if (/^\d{1,15}$/.test(text)) return Number(text)
      throw new CliError(
        'INVALID',
        `Cannot find the message "${text}": it is not a number of "gantry registry webhooks"`,
      )
    })
    const { state } = await openRegistryWorld(context, 'look at webhooks')
    const queue = new WebhookQueue(state)
    const chosen = ids.length === 0 ? undefined : ids
    if (verb === 'retry') context.out.write(`${queue.revive(Date.now(), chosen)} messages are tried again\n`)
    else if (verb === 'forget') context.out.write(`${queue.forget(chosen)} messages were forgotten\n`)
    else if (verb === 'ls') {
      printRows(
        context.out,
        queue.dead(),
        {
          ID: ['ID', ({ id }) => String(id)],
          Endpoint: ['ENDPOINT', ({ endpoint }) => endpoint],
          Kind: ['EVENT', ({ kind }) => kind],
          Attempts: ['ATTEMPTS', ({ attempts }) => String(attempts)],
          FailedAt: ['FAILED', ({ failed }) => new Date(failed).toISOString()],
          Error: ['ERROR', ({ error }) => error],
          Body: ['BODY', ({ body }) => body],
        },
        { format: flags.format, shown: ['ID', 'Endpoint', 'Kind', 'Attempts', 'FailedAt', 'Error'] },
      )
    } else throw new CliError('INVALID', `Cannot do "${verb}" to webhooks: it is one of ls, retry, forget`)
  },
})
