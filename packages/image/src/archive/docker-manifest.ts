import { parseJson } from '@gantry/oci'
import { ImageError } from '../errors.ts'

/** One image of the `manifest.json` of `docker save`; paths are those of the archive. */
export interface DockerArchiveImage {
  readonly Config: string
  /** Names such as `alpine:latest`. */
  readonly RepoTags: readonly string[]
  /** Lowest first. */
  readonly Layers: readonly string[]
}

/**
 * Reads an archive's `manifest.json`.
 *
 * @throws {ImageError} ARCHIVE_INVALID
 * @see https://github.com/moby/moby/blob/v28.0.0/image/tarexport/tarexport.go
 */
export function parseDockerManifest(bytes: Uint8Array): readonly DockerArchiveImage[] {
  const value = parseJson(bytes, { what: "archive's manifest.json" })
  if (!Array.isArray(value)) return fail('it is not a list')
  return value.map((item: unknown) => {
    if (typeof item !== 'object' || item === null) return fail('it lists something that is no image')
    const { Config, RepoTags, Layers } = item as Partial<Record<keyof DockerArchiveImage, unknown>>
    if (typeof Config !== 'string') return fail('an image has no Config')
    const [tags, layers] = [RepoTags ?? [], Layers ?? []]
    if (!isTexts(tags)) return fail('RepoTags is not a list of names')
    if (!isTexts(layers)) return fail('Layers is not a list of paths')
    return { Config, RepoTags: tags, Layers: layers }
  })
}

function fail(problem: string): never {
  throw new ImageError('ARCHIVE_INVALID', `Cannot read the archive's manifest.json: ${problem}`)
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}
