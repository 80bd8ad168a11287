import { type Descriptor, type Digest, formatReference, OciError, parseReference, type Platform } from '@gantry/oci'
import type { ProvenanceMode } from './attest/provenance.ts'
import type { SbomFormat } from './attest/sbom.ts'
import { BuildError } from './build-error.ts'
import type { CacheTarget } from './cache/export-cache.ts'
import type { CacheSource } from './cache/import-cache.ts'
import type { EgressRules } from './egress/host-rules.ts'
import type { NetworkUse } from './egress/network-use.ts'
import type { BuildEvent } from './events.ts'
import type { FailedRun } from './failed-run.ts'
import type { RunLimits } from './run-limits.ts'

/** What to build and how. */
export interface BuildOptions {
  /** What COPY reads from. */
  readonly context: ContextSource
  /**
   * The Dockerfile's path, in a context from elsewhere relative to it. Default: `Dockerfile` in the context, or `dockerfile`, or
   * `Containerfile`.
   */
  readonly dockerfile?: string
  /** The Dockerfile itself, instead of a path. */
  readonly dockerfileText?: string
  /**
   * Contexts by name, for `FROM NAME`, `COPY --from=NAME` and `RUN --mount=from=NAME`: a directory, an address of git or HTTP,
   * `docker-image://REFERENCE`, `oci-layout://DIRECTORY[:TAG][@DIGEST]`, or `target:STAGE`.
   */
  readonly contexts?: Readonly<Record<string, string>>
  /** Names for the image, such as `app:1`. */
  readonly tags?: readonly string[]
  /** The stage to build, by name or number. Default: the last. */
  readonly target?: string
  readonly buildArgs?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
  /** Default: the host's. */
  readonly platform?: Platform
  /** Builds for each of them; of several, an index is made. Stands before `platform`. */
  readonly platforms?: readonly Platform[]
  /** Annotations of the manifest, and of the index where there is one. */
  readonly annotations?: Readonly<Record<string, string>>
  /** What a RUN reaches that has no `--network`. Default: the host's network. */
  readonly network?: 'default' | 'none' | 'host'
  /**
   * RUNs reach other hosts only through the builder, which records what they reach, or wanted to, and lets them reach only what the rules
   * allow. Default: they have the host's network, and nothing is recorded.
   */
  readonly egress?: EgressRules
  /**
   * What RUNs may have that reaches beyond the build, where the Dockerfile asks for it: `security.insecure` is everything that root
   * on this machine has, `device` any device, `device=VENDOR/CLASS[=NAME]` those. Default: nothing.
   */
  readonly allow?: readonly string[]
  /** Limits of each RUN. Default: none. */
  readonly limits?: RunLimits
  /** Addresses by the names that RUNs find them under. */
  readonly addHosts?: Readonly<Record<string, string>>
  /** Run every step even when its result is known. */
  readonly noCache?: boolean
  /** Tell for each step why it is done or not: `reason` events. */
  readonly why?: boolean
  /** Caches of other places, asked in order for what is not here. */
  readonly cacheFrom?: readonly CacheSource[]
  /** Places that the cache of this build is written to when it has succeeded. */
  readonly cacheTo?: readonly CacheTarget[]
  /** Writes into the image which steps made its layers, so that the image itself can be given to `cacheFrom`. */
  readonly inlineCache?: boolean
  /** Keeps the caches of `RUN --mount=type=cache` apart from others. Default: the build argument BUILDKIT_CACHE_MOUNT_NS. */
  readonly cacheNamespace?: string
  /** What is attached to the image about how it was made and what is in it. */
  readonly attest?: AttestOptions
  /** Ask registries for base images even when they are here. */
  readonly pull?: boolean
  /**
   * Seconds since 1970 that stand for "now" in the image. Default: the build argument SOURCE_DATE_EPOCH, else a fixed
   * date, so that equal input makes equal images.
   */
  readonly sourceDateEpoch?: number
  /** Variables of the caller that may matter to programs in RUN: proxies and certificate files. Default: this process's. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** What `RUN --mount=type=secret` may ask for, by id. */
  readonly secrets?: Readonly<Record<string, SecretSource>>
  /** What `RUN --mount=type=ssh` may ask for, by id. */
  readonly ssh?: Readonly<Record<string, SshSource>>
  /** Asked when a command of RUN has failed, while what it ran in is there still; the build fails when it has answered. */
  readonly onFailedRun?: (failed: FailedRun) => Promise<void>
  /** Called in order; must not throw. */
  readonly onEvent?: (event: BuildEvent) => void
  readonly signal?: AbortSignal
}

/** What is attached to an image. The image's layers are compressed then, so that its digest stays what it is when it is pushed. */
export interface AttestOptions {
  /** SLSA provenance, version 1. */
  readonly provenance?: ProvenanceMode
  /** Lists of the packages in it, in these forms. */
  readonly sbom?: readonly SbomFormat[]
  /**
   * `referrers`, the default: artifacts that refer to the image, which stays what it is. `index`: as BuildKit does it, manifests for
   * `unknown/unknown` in an index beside the image.
   */
  readonly style?: 'referrers' | 'index'
}

/**
 * A build context: a directory; the address of a git repository, of an archive or of a Dockerfile; or a stream of an archive or a
 * Dockerfile.
 */
export type ContextSource = string | { readonly stream: AsyncIterable<Uint8Array> }

/** A secret: a file that is read when a RUN needs it, or the bytes themselves. At most 500 KiB. */
export type SecretSource = { readonly path: string } | { readonly value: Uint8Array }

/** An SSH agent: the socket of one, or private keys for one that is started for the step. */
export type SshSource = { readonly socket: string } | { readonly keys: readonly string[] }

/** What came out. */
export interface BuildResult {
  /** Of the manifest. */
  readonly descriptor: Descriptor
  /** The manifest's digest. */
  readonly digest: Digest
  /** The config's digest. */
  readonly imageId: Digest
  /** What was attached, by its manifests. */
  readonly attestations?: readonly Descriptor[]
  /** What its RUNs reached, or wanted to, where that was recorded. */
  readonly network?: readonly NetworkUse[]
  /** Full names. */
  readonly tags: readonly string[]
}

/**
 * The date of everything that is made when nobody says otherwise: 1 January 1980 UTC, the earliest that a ZIP can hold.
 * See decisions/003-reproducible-times.md.
 */
export const fixedEpoch = 315_532_800

/** The date of what is made, and whether somebody asked for it. */
export interface Epoch {
  /** Seconds since 1970. */
  readonly seconds: number
  readonly asked: boolean
}

/** Which date things get. @throws BuildError OPTIONS_INVALID */
export function epochOf(options: Pick<BuildOptions, 'sourceDateEpoch' | 'buildArgs'>): Epoch {
  const written = options.buildArgs?.['SOURCE_DATE_EPOCH'] ?? options.sourceDateEpoch
  if (written === undefined || written === '') return { seconds: fixedEpoch, asked: false }
  const seconds = Number(written)
  if (!/^\d{1,11}$/.test(String(written))) {
    throw new BuildError(
      'OPTIONS_INVALID',
      `Cannot use SOURCE_DATE_EPOCH "${String(written)}": it is not a number of seconds`,
      {
        hint: 'for example the time of the last commit: git log -1 --format=%ct',
      },
    )
  }
  return { seconds, asked: true }
}

/** Full names of tags, each once. @throws BuildError OPTIONS_INVALID */
export function tagNames(tags: readonly string[] = []): readonly string[] {
  return [...new Set(tags.map(fullName))]
}

function fullName(tag: string): string {
  try {
    const reference = parseReference(tag)
    if (reference.digest === undefined) return formatReference(reference)
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    throw new BuildError('OPTIONS_INVALID', `Cannot name the image "${tag}": ${error.message}`, { cause: error })
  }
  throw new BuildError('OPTIONS_INVALID', `Cannot name the image "${tag}": a digest is not a name`)
}
