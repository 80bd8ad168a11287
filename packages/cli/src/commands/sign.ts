import type { Command } from '../command.ts'
import { readFile } from 'node:fs/promises'
import { childrenOf, readDocument, signImage } from '@gantry/image'
import { isIndexType, isManifestType, type Descriptor } from '@gantry/oci'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { boolean, list, text } from '../flags/flag.ts'
import { attachArtifact, openSubject, type SubjectPlace } from '../image-tools/attach-place.ts'
import { keyed } from '../image-tools/config-flags.ts'
import { readSigner } from '../image-tools/read-key.ts'
import { transportHelp } from '../transports/parse-transport.ts'
import { codecOf } from '../transports/transport-parts.ts'

/** `gantry sign` */
export const sign: Command = defineCommand({
  name: 'sign',
  aliases: ['image sign'],
  summary: 'Sign an image with a key',
  usage: '--key FILE [OPTIONS] IMAGE',
  details: `${transportHelp}

The signature is a sigstore bundle that refers to the image, as cosign 3 writes it; it is verified with "gantry verify", or with
"cosign verify --key". No service is asked, and no transparency log written. Keys are PEM: those of "gantry key generate", of cosign,
or of OpenSSL; a passphrase is taken from GANTRY_KEY_PASSPHRASE or COSIGN_PASSWORD, or asked for.
With --predicate a statement about the image is signed, an attestation: the file is its JSON, --type says what it is.
An image of the local store gets another digest when it is pushed and its layers are compressed on the way: sign it in the registry.`,
  arguments: [1, 1],
  flags: {
    annotation: list('Annotation that is signed along (NAME=VALUE)', { short: 'a' }),
    key: text('Private key', { type: 'file' }),
    platform: text('Sign only the image for this platform (os/arch[/variant]) of several'),
    predicate: text('Sign this statement about the image: a file with JSON', { type: 'file' }),
    quiet: boolean('Print the digests of the signatures only', { short: 'q' }),
    recursive: boolean('Sign every manifest of an index too', { short: 'r' }),
    type: text('What the predicate is, such as https://spdx.dev/Document'),
  },
  async run({ context, flags, args: [name = ''] }) {
    if (flags.key === undefined)
      throw new CliError('INVALID', 'Cannot sign without a key', {
        hint: 'Give the private key with --key, or make one with "gantry key generate"',
      })
    if ((flags.predicate === undefined) !== (flags.type === undefined)) {
      throw new CliError('INVALID', 'Cannot sign a statement without both --predicate and --type')
    }
    const signer = await readSigner(context, flags.key)
    const predicate =
      flags.predicate === undefined || flags.type === undefined
        ? undefined
        : { type: flags.type, value: JSON.parse(await readFile(flags.predicate, 'utf8')) as unknown }
    const annotations = Object.entries(keyed('annotation', flags.annotation)).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, value]],
    )
    await using place = await openSubject(context, name, flags.platform)
    for (const subject of flags.recursive ? await manifestsOf(context, place) : [place.subject]) {
      const artifact = await signImage(subject, {
        codec: codecOf(context),
        signer,
        annotations: Object.fromEntries(annotations) as Record<string, string>,
        created: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
        ...(predicate === undefined ? {} : { predicate }),
      })
      await attachArtifact(context, { source: place.source, subject }, artifact)
      const { digest } = artifact.descriptor
      context.out.write(flags.quiet ? `${digest}\n` : `Signed ${subject.digest}: ${digest}\n`)
    }
  },
})

/** The index, and the manifests of it that are there. */
async function manifestsOf(context: Context, { source, subject }: SubjectPlace): Promise<readonly Descriptor[]> {
  const { mediaType } = subject
  if (!isIndexType(mediaType)) return [subject]
  const { signal } = context
  const bytes = await readDocument(source.blobs, subject, { signal })
  const children = await childrenOf(source.blobs, { bytes, mediaType }, { signal, sparse: true })
  return [subject, ...children.filter((child) => isManifestType(child.mediaType))]
}
