import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { openImages } from '../content.ts'
import { templateDetails, valueFormat } from '../format/format-flag.ts'
import { printValues } from '../print-values.ts'

/** `gantry image inspect` */
export const imageInspect: Command = defineCommand({
  name: 'image inspect',
  summary: 'Display detailed information on one or more images',
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  details: templateDetails,
  arguments: [1],
  flags: { format: valueFormat() },
  async run({ context, flags, args }) {
    const images = await openImages(context)
    return printValues(context, args, flags.format, (name) => images.inspect(name))
  },
})
