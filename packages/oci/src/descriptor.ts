import { isDigest, type Digest } from './digest.ts'
import { Input, withKnown } from './input.ts'
import type { Platform } from './platform.ts'

/**
 * Points at content: what it is, its digest and its size.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md
 */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly urls?: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
  /** The content itself in base64, for small content. */
  readonly data?: string
  readonly artifactType?: string
  readonly platform?: Platform
}

/**
 * Takes a value from outside as a descriptor. Members it does not know stay; null members are dropped.
 *
 * @throws {OciError} DESCRIPTOR_INVALID
 */
export function parseDescriptor(value: unknown): Descriptor {
  return readDescriptor(new Input({ what: 'descriptor', code: 'DESCRIPTOR_INVALID' }, value))
}

/** Reads a descriptor that stands inside another document, whose code its errors carry. */
export function readDescriptor(input: Input): Descriptor {
  const size = input.need('size').size()
  return withKnown<Descriptor>(input, {
    mediaType: readMediaType(input.need('mediaType')),
    digest: readDigest(input.need('digest')),
    size,
    urls: input.get('urls')?.strings(),
    annotations: readAnnotations(input),
    data: readData(input.get('data'), size),
    artifactType: input.get('artifactType')?.string(),
    platform: readPlatform(input.get('platform')),
  })
}

// RFC 6838 section 4.2, and the parameters that some artifacts carry in spite of it.
const mediaTypePattern =
  /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}(?: ?;[ -~]{0,128})?$/

/** Reads a media type such as `application/json`. */
export function readMediaType(input: Input): string {
  const text = input.string()
  return mediaTypePattern.test(text) ? text : input.fail('a media type')
}

/** Reads a digest. */
export function readDigest(input: Input): Digest {
  const text = input.string()
  return isDigest(text) ? text : input.fail('a sha256 or sha512 digest')
}

/** Reads the `annotations` of a manifest, an index or a descriptor. */
export function readAnnotations(input: Input): Readonly<Record<string, string>> | undefined {
  return input.get('annotations')?.map((value) => value.string())
}

function readData(input: Input | undefined, size: number): string | undefined {
  if (input === undefined) return undefined
  const text = input.string()
  if (text.length !== 4 * Math.ceil(size / 3)) return input.fail(`base64 of ${size} bytes`)
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return input.fail('base64')
  return text
}

function readPlatform(input: Input | undefined): Platform | undefined {
  if (input === undefined) return undefined
  return withKnown<Platform>(input, {
    architecture: input.need('architecture').string(),
    os: input.need('os').string(),
    variant: input.get('variant')?.string(),
    'os.version': input.get('os.version')?.string(),
    'os.features': input.get('os.features')?.strings(),
  })
}
