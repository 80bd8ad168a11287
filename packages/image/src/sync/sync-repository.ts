import type { Descriptor, Platform } from '@gantry/oci'
import type { BlobSource } from '../blob.ts'
import type { Codec } from '../codec.ts'
import { copyAttached, type AttachedSink } from '../copy-attached.ts'
import { prepareCopy, type PreparedCopy } from '../copy-prepare.ts'
import type { Attached, AttachedSource } from '../copy-referrers.ts'
import { copy, type CopyProgress } from '../copy.ts'
import { createLimiter } from '../limiter.ts'
import type { ReferrerLister } from '../tags.ts'
import { createdOf } from './created-of.ts'
import { selectsName, type NamePattern } from './name-pattern.ts'
import { SyncError } from './sync-error.ts'
import type { VersionRange } from './version-range.ts'

/** A repository that is mirrored. */
export interface SyncSource extends AttachedSource {
  /** For messages: `registry.example/app`. */
  readonly name: string
  readonly blobs: BlobSource
  readonly referrers?: ReferrerLister | undefined
  tags(): AsyncIterable<string>
}

/** Where it is mirrored to. */
export interface SyncTarget extends AttachedSink {
  readonly name: string
  /** None when the repository is not there yet. */
  tags(): AsyncIterable<string>
  /** Takes a tag away; false when it was not there. */
  untag(tag: string): Promise<boolean>
  /** Frees what no tag leads to any more, where nobody else does. */
  collect?(): Promise<void>
}

/** What of a repository is mirrored. */
export interface SyncRule {
  readonly tags?: readonly NamePattern[]
  readonly excludeTags?: readonly NamePattern[]
  /** Only tags that are versions in this range. */
  readonly versions?: VersionRange
  /** Of what the others choose only so many, the youngest by the time they were created. */
  readonly newest?: number
  /** Only these platforms; see `selectPlatforms`. */
  readonly platforms?: readonly Platform[]
  readonly referrers?: boolean
  /** Tags of the target that the filters choose and the source does not have (any more) are taken away. */
  readonly delete?: boolean
}

/** How it is mirrored. */
export interface SyncOptions {
  readonly codec: Codec
  /** Only tells what would be done. */
  readonly dryRun?: boolean
  /** Blobs that move at once, and tags that are compared at once; 4 by default. */
  readonly concurrency?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: CopyProgress) => void
}

/** What was done, or in a dry run would be, with one tag; told when it is done. */
export type SyncStep =
  | {
      readonly kind: 'current' | 'copy'
      readonly tag: string
      readonly descriptor: Descriptor
      readonly attached: number
    }
  | {
      readonly kind: 'update'
      readonly tag: string
      readonly descriptor: Descriptor
      readonly before: Descriptor
      readonly attached: number
    }
  | { readonly kind: 'delete'; readonly tag: string; readonly before: Descriptor | undefined }
  /** Without a tag: the repository as a whole. */
  | { readonly kind: 'failure'; readonly tag?: string; readonly error: unknown }

/**
 * Mirrors a repository tag by tag. Digests are compared first, by HEAD requests: what is the same at both ends costs nothing
 * else, and a second run moves nothing. A failure of one tag does not keep the others back. Tags are deleted last, only when
 * nothing failed before, and never when the source lists none at all.
 */
export async function* syncRepository(
  ends: { readonly source: SyncSource; readonly target: SyncTarget },
  rule: SyncRule,
  options: SyncOptions,
): AsyncGenerator<SyncStep> {
  const { source, target } = ends
  const { signal, concurrency = 4 } = options
  let failures = 0
  const failed = (error: unknown, tag?: string): SyncStep => {
    signal?.throwIfAborted()
    failures++
    return { kind: 'failure', error, ...(tag === undefined ? {} : { tag }) }
  }
  let listed: readonly string[]
  let chosen: readonly string[]
  try {
    listed = (await all(source.tags())).filter((tag) => !isDigestTag(tag))
    chosen = await newest(source, listed.filter((tag) => isChosen(tag, rule)).toSorted(), rule, options)
  } catch (error) {
    yield failed(error)
    return
  }
  const limiter = createLimiter(concurrency)
  const compared = chosen.map((tag) => {
    const comparing = limiter(() => compare(ends, tag, rule, options))
    comparing.catch(() => undefined)
    return { tag, comparing }
  })
  for (const { tag, comparing } of compared) {
    signal?.throwIfAborted()
    try {
      const found = await comparing
      if (found === undefined) continue
      if (options.dryRun !== true) await transfer(ends, tag, found, options)
      yield stepOf(tag, found)
    } catch (error) {
      yield failed(error, tag)
    }
  }
  if (rule.delete !== true || failures > 0) return
  try {
    yield* prune(target, { listed, chosen }, rule, options)
  } catch (error) {
    yield failed(error)
  }
}

interface Compared extends PreparedCopy {
  readonly before: Descriptor | undefined
}

/** What is to be copied under a tag; undefined when the tag went away since it was listed. */
async function compare(
  { source, target }: { readonly source: SyncSource; readonly target: SyncTarget },
  tag: string,
  rule: SyncRule,
  { codec, signal }: SyncOptions,
): Promise<Compared | undefined> {
  const [descriptor, before] = await Promise.all([source.sibling(tag), target.sibling(tag)])
  if (descriptor === undefined) return undefined
  const { platforms = [], referrers = false } = rule
  const found = {
    blobs: source.blobs,
    referrers: source.referrers,
    sibling: (other: string) => source.sibling(other),
    descriptor,
  }
  const prepared = await prepareCopy(found, {
    codec,
    platforms,
    referrers,
    ...(signal === undefined ? {} : { signal }),
  })
  const attached: Attached[] = []
  for (const each of prepared.attached) if (!(await isThere(target, each))) attached.push(each)
  return { ...prepared, attached, before }
}

async function isThere(target: SyncTarget, { descriptor, subject, tag }: Attached): Promise<boolean> {
  if (tag !== undefined) return (await target.sibling(tag))?.digest === descriptor.digest
  if (subject === undefined || target.referrers === undefined) return false
  for await (const { digest } of target.referrers.referrers(subject)) if (digest === descriptor.digest) return true
  return false
}

async function transfer(
  { target }: { readonly target: SyncTarget },
  tag: string,
  { source, descriptor, attached, before }: Compared,
  { codec, signal, concurrency, onProgress }: SyncOptions,
): Promise<void> {
  const options = {
    ...(signal === undefined ? {} : { signal }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(onProgress === undefined ? {} : { onProgress }),
  }
  const isCurrent = before?.digest === descriptor.digest
  if (!isCurrent) await copy(source, target.blobs, descriptor, options)
  await copyAttached(source, target, attached, { codec, ...options })
  if (!isCurrent) await target.tagSibling(tag, descriptor)
}

function stepOf(tag: string, { descriptor, before, attached }: Compared): SyncStep {
  const step = { tag, descriptor, attached: attached.length }
  if (before === undefined) return { kind: 'copy', ...step }
  return before.digest === descriptor.digest ? { kind: 'current', ...step } : { kind: 'update', before, ...step }
}

async function* prune(
  target: SyncTarget,
  { listed, chosen }: { readonly listed: readonly string[]; readonly chosen: readonly string[] },
  rule: SyncRule,
  { dryRun = false, signal }: SyncOptions,
): AsyncGenerator<SyncStep> {
  const kept = new Set(chosen)
  const gone = (await all(target.tags())).filter((tag) => !isDigestTag(tag) && isChosen(tag, rule) && !kept.has(tag))
  if (gone.length === 0) return
  // More likely a registry that lost its list, or a wrong name, than a repository that somebody emptied.
  if (listed.length === 0) {
    const problem = `Cannot delete the ${gone.length} tags of ${target.name}: the source lists no tags at all`
    throw new SyncError('SOURCE_EMPTY', problem)
  }
  for (const tag of gone.toSorted()) {
    signal?.throwIfAborted()
    const before = await target.sibling(tag)
    if (!dryRun) await target.untag(tag)
    yield { kind: 'delete', tag, before }
  }
  if (!dryRun) await target.collect?.()
}

function isChosen(tag: string, { tags = [], excludeTags = [], versions }: SyncRule): boolean {
  return selectsName(tag, { include: tags, exclude: excludeTags }) && (versions === undefined || versions.includes(tag))
}

/** Tags that belong to a digest, of referrers and of cosign: they go along with what they belong to, or not at all. */
function isDigestTag(tag: string): boolean {
  return /^sha(?:256|512)-[0-9a-f]{64,128}(?:\.[a-z]+)?$/.test(tag)
}

async function newest(
  source: SyncSource,
  tags: readonly string[],
  { newest: most }: SyncRule,
  options: SyncOptions,
): Promise<readonly string[]> {
  if (most === undefined || tags.length <= most) return tags
  const limiter = createLimiter(options.concurrency ?? 4)
  const times = await Promise.all(
    tags.map((tag) =>
      limiter(async () => {
        const descriptor = await source.sibling(tag)
        const created = descriptor === undefined ? -1 : await createdOf(source.blobs, descriptor, options)
        return { tag, created }
      }),
    ),
  )
  // Of the same age the later name is the younger: 1.10.1 was built with 1.10 in the same minute.
  const youngest = times.toSorted((a, b) => b.created - a.created || (a.tag < b.tag ? 1 : -1)).slice(0, most)
  return youngest.map(({ tag }) => tag).toSorted()
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
