import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { resolveRange, type ArtifactBlob, type BlobSource, type Codec } from '@gantry/image'
import { CliError } from '../cli-error.ts'

/** The media types that SBOMs are attached with, by what they say of themselves. */
const sbomTypes = [
  [/"spdxVersion"\s*:/, 'application/spdx+json'],
  [/"bomFormat"\s*:\s*"CycloneDX"/, 'application/vnd.cyclonedx+json'],
  [/^SPDXVersion:/m, 'text/spdx'],
  [/xmlns="http:\/\/cyclonedx\.org\/schema\/bom/, 'application/vnd.cyclonedx+xml'],
] as const

/** A file as the blob of an artifact, with its name in the annotation that other tools restore it by. It is hashed here, and read again when it is written. */
export async function artifactFile(path: string, mediaType: string, codec: Codec): Promise<ArtifactBlob> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new CliError('FAILED', `Cannot attach "${path}": ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  })
  if (!found.isFile()) throw new CliError('FAILED', `Cannot attach "${path}": it is no file`)
  const hasher = codec.hasher('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) await hasher.update(chunk as Uint8Array)
  const source: BlobSource = {
    open: async ({ size }, { range } = {}) => {
      const { start, end } = resolveRange(size, range)
      const length = end - start
      const body = length === 0 ? [] : createReadStream(path, { start, end: end - 1, highWaterMark: 1 << 20 })
      return {
        size: length,
        async *[Symbol.asyncIterator]() {
          for await (const chunk of body) yield chunk as Uint8Array
        },
        [Symbol.asyncDispose]: async () => {
          if ('destroy' in body) body.destroy()
        },
      }
    },
  }
  const annotations = { 'org.opencontainers.image.title': basename(path) }
  return { descriptor: { mediaType, digest: await hasher.digest(), size: found.size, annotations }, source }
}

/** The media type of a bill of materials. @throws {CliError} INVALID: it is none that is known */
export async function sbomType(path: string): Promise<string> {
  await using file = await open(path)
  const head = Buffer.alloc(1 << 20)
  const { bytesRead } = await file.read(head, 0, head.length, 0)
  const text = head.toString('utf8', 0, bytesRead)
  const found = sbomTypes.find(([pattern]) => pattern.test(text))
  if (found !== undefined) return found[1]
  throw new CliError('INVALID', `Cannot attach "${path}" as an SBOM: it is neither SPDX nor CycloneDX`, {
    hint: 'Say what it is with --type',
  })
}
