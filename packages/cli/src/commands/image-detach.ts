import type { Command } from '../command.ts'
import { unlistReferrer } from '@gantry/image'
import { isDigest, parseReference } from '@gantry/oci'
import { openLayout } from '@gantry/store'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { list } from '../flags/flag.ts'
import { openBeside, openSubject, referrersOf } from '../image-tools/attach-place.ts'
import { clientOf, codecOf } from '../transports/transport-parts.ts'

/** `gantry image detach` */
export const imageDetach: Command = defineCommand({
  name: 'image detach',
  aliases: ['artifact detach'],
  summary: 'Take artifacts away that refer to an image',
  usage: '[OPTIONS] IMAGE [DIGEST...]',
  details: 'Names them by their digests, as "gantry referrers" shows them, or all of one type with --type.',
  arguments: [1],
  flags: { type: list('Take every artifact of this type away') },
  async run({ context, flags, args: [name = '', ...digests] }) {
    await using place = await openSubject(context, name, undefined)
    const { source, subject } = place
    const lister = referrersOf(source, context.signal)
    const found = await Array.fromAsync(lister.referrers(subject.digest))
    const doomed = found.filter(
      ({ digest, artifactType = '' }) => digests.includes(digest) || flags.type.includes(artifactType),
    )
    for (const digest of digests) {
      if (!isDigest(digest)) throw new CliError('INVALID', `Cannot take "${digest}" away: it is no digest`)
      if (found.every((each) => each.digest !== digest)) {
        throw new CliError('NOT_FOUND', `Cannot take ${digest} away: it does not refer to ${source.label}`)
      }
    }
    if (doomed.length === 0) throw new CliError('NOT_FOUND', `Nothing that was named refers to ${source.label}`)
    await using beside = await openBeside(context, source)
    for (const { digest } of doomed) {
      const options = { codec: codecOf(context), signal: context.signal }
      await unlistReferrer(beside.repository, { subject: subject.digest, referrer: digest }, options)
      if (source.transport.kind === 'registry') {
        await clientOf(context)
          .repository(parseReference(source.transport.name))
          .delete(digest, { signal: context.signal })
      }
      if (source.transport.kind === 'oci') {
        await (await openLayout(source.transport.path, { codec: codecOf(context) })).unlist(digest)
      }
      context.out.write(`Detached ${digest}\n`)
    }
  },
})
