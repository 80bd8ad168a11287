import type { Command } from '../command.ts'
import { verifyImage, type CheckedSignature } from '@gantry/image'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { boolean, choice, list, text } from '../flags/flag.ts'
import { openSubject, referrersOf } from '../image-tools/attach-place.ts'
import { keyed } from '../image-tools/config-flags.ts'
import { readVerifiers } from '../image-tools/read-key.ts'
import { transportHelp } from '../transports/parse-transport.ts'
import { codecOf } from '../transports/transport-parts.ts'

/** `gantry verify` */
export const verify: Command = defineCommand({
  name: 'verify',
  aliases: ['image verify'],
  summary: 'Verify that an image was signed with one of some keys',
  usage: '--key FILE [OPTIONS] IMAGE',
  details: `${transportHelp}

Takes sigstore bundles that refer to the image (of "gantry sign" and cosign 3) and signatures under the tag sha256-<digest>.sig (of
cosign 1 and 2). Nothing but the keys is trusted: certificates and transparency logs are not looked at. Exits with 1 when no
signature is good. With --type it is attestations of that predicate that are verified.`,
  arguments: [1, 1],
  flags: {
    annotation: list('Annotation that must be signed along (NAME=VALUE)', { short: 'a' }),
    format: choice('Output as text or json', ['text', 'json']),
    key: list('Public key; any of several is enough', { type: 'file' }),
    platform: text('Verify the image for this platform (os/arch[/variant]) of several'),
    quiet: boolean('Print nothing, but exit with 1 when no signature is good', { short: 'q' }),
    type: text('Verify attestations of this predicate, such as https://spdx.dev/Document'),
  },
  async run({ context, flags, args: [name = ''] }) {
    if (flags.key.length === 0)
      throw new CliError('INVALID', 'Cannot verify without a key', { hint: 'Give the public key with --key' })
    const keys = await readVerifiers(flags.key)
    const wanted = Object.entries(keyed('annotation', flags.annotation)).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, value]],
    )
    await using place = await openSubject(context, name, flags.platform)
    const { source, subject } = place
    const checked = await verifyImage(
      { blobs: source.blobs, referrers: referrersOf(source, context.signal), sibling: (tag) => source.sibling(tag) },
      subject,
      {
        codec: codecOf(context),
        keys,
        annotations: Object.fromEntries(wanted) as Record<string, string>,
        signal: context.signal,
        ...(flags.type === undefined ? {} : { predicateType: flags.type }),
      },
    )
    const good = checked.filter(({ key }) => key !== undefined)
    if (flags.format === 'json' && !flags.quiet) {
      context.out.write(
        `${JSON.stringify({ image: source.label, digest: subject.digest, verified: good.length > 0, signatures: checked.map(record) }, undefined, 2)}\n`,
      )
    } else if (!flags.quiet) {
      for (const each of checked) (each.key === undefined ? context.err : context.out).write(line(each))
    }
    if (good.length > 0) {
      // By what was verified, and by nothing that may have moved since, the image is to be pulled.
      if (!flags.quiet && flags.format !== 'json') context.out.write(`Signed: ${source.label}@${subject.digest}\n`)
      return 0
    }
    if (!flags.quiet) {
      const count = checked.length === 0 ? 'it has no signature' : `none of its ${checked.length} signatures is good`
      context.err.write(`gantry: Cannot verify ${source.label}@${subject.digest}: ${count}\n`)
    }
    return 1
  },
})

function line({ digest, format, key, problem, annotations }: CheckedSignature): string {
  const signed = Object.entries(annotations).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
  if (key === undefined) return `Not good: ${digest} (${format}): ${problem ?? 'it cannot be verified'}\n`
  return `Good: ${digest} (${format}) with ${key.name ?? key.keyId}${signed.join('')}\n`
}

function record({ key, ...rest }: CheckedSignature): unknown {
  return { ...rest, verified: key !== undefined, ...(key === undefined ? {} : { key: key.name, keyId: key.keyId }) }
}
