import { OciError } from './errors.ts'
import type { Descriptor } from './descriptor.ts'
import { quote } from './quote.ts'

/**
 * What an image runs on, in Go's names for operating systems and architectures.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md#image-index-property-descriptions
 */
export interface Platform {
  readonly architecture: string
  readonly os: string
  readonly variant?: string
  readonly 'os.version'?: string
  readonly 'os.features'?: readonly string[]
}

const part = /^[A-Za-z0-9_.-]{1,64}$/

/**
 * Reads `os/architecture[/variant]`, for example `linux/arm64/v8`, and normalises it.
 *
 * @throws {OciError} PLATFORM_INVALID
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/')
  const [os, architecture, variant] = parts
  if (os === undefined || architecture === undefined || parts.length > 3 || !parts.every((each) => part.test(each))) {
    throw new OciError(
      'PLATFORM_INVALID',
      `Cannot read the platform ${quote(text)}: expected os/architecture or os/architecture/variant, such as linux/arm64/v8`,
    )
  }
  return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) })
}

/** Writes a platform as `os/architecture[/variant]`. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform
  return variant === undefined || variant === '' ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`
}

/**
 * Brings other names of a platform (`x86_64`, `aarch64`, `armhf`, `macos`) to Go's, and variants to one spelling:
 * `arm` without a variant is `v7`, `arm64` of `v8` and `amd64` of `v1` have none. Idempotent.
 */
export function normalizePlatform(platform: Platform): Platform {
  const { variant: given = '', ...rest } = platform
  const os = platform.os.toLowerCase() === 'macos' ? 'darwin' : platform.os.toLowerCase()
  const [architecture, variant] = normalizeArchitecture(platform.architecture.toLowerCase(), given.toLowerCase())
  return { ...rest, architecture, os, ...(variant === '' ? {} : { variant }) }
}

function normalizeArchitecture(architecture: string, variant: string): readonly [string, string] {
  switch (architecture) {
    case 'i386':
    case 'i486':
    case 'i586':
    case 'i686':
      return ['386', '']
    case 'amd64':
    case 'x86_64':
    case 'x86-64':
      return ['amd64', variant === 'v1' ? '' : variant]
    case 'arm64':
    case 'aarch64':
      return ['arm64', variant === '8' || variant === 'v8' ? '' : variant]
    case 'armhf':
      return ['arm', 'v7']
    case 'armel':
      return ['arm', 'v6']
    case 'arm':
      return ['arm', variant === '' ? 'v7' : /^\d/.test(variant) ? `v${variant}` : variant]
    default:
      return [architecture, variant]
  }
}

/**
 * Whether an image made for `have` runs where `wanted` was asked for: same system and architecture, and a variant
 * that is the same or an older one of it (arm v7 takes v6 and v5; amd64/v3 takes v2 and plain).
 */
export function matchesPlatform(wanted: Platform, have: Platform): boolean {
  return rank(normalizePlatform(wanted), normalizePlatform(have)) >= 0
}

/** The descriptor that suits `wanted` best: the newest variant it can run, the first of equals; undefined if none suits. */
export function selectPlatform(descriptors: Iterable<Descriptor>, wanted: Platform): Descriptor | undefined {
  const normal = normalizePlatform(wanted)
  let best: Descriptor | undefined
  let bestRank = -1
  for (const descriptor of descriptors) {
    if (descriptor.platform === undefined) continue
    const found = rank(normal, normalizePlatform(descriptor.platform))
    if (found > bestRank) [best, bestRank] = [descriptor, found]
  }
  return best
}

/** -1 when it does not run there, else higher for a closer variant. */
function rank(wanted: Platform, have: Platform): number {
  if (wanted.os !== have.os || wanted.architecture !== have.architecture) return -1
  if (wanted['os.version'] !== undefined && wanted['os.version'] !== have['os.version']) return -1
  if (wanted.variant === have.variant) return Number.MAX_SAFE_INTEGER
  const [most, found] = [level(wanted), level(have)]
  return most === undefined || found === undefined || found > most ? -1 : found
}

// v8 of arm64 and v1 of amd64 are written without a variant.
function level({ architecture, variant }: Platform): number | undefined {
  if (variant === undefined) return architecture === 'arm64' ? 8 : architecture === 'amd64' ? 1 : 0
  const digits = /^v(\d{1,3})(?:\.\d{1,3})?$/.exec(variant)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
