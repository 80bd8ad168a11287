import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { Store } from '@gantry/store'
import { isPending } from './is-pending.ts'
import { recordRun } from './gc-runs.ts'
import { removeUploads } from './remove-uploads.ts'
import { sweepLinks } from './sweep-links.ts'
import { steadyNow } from '../clock/steady-clock.ts'

/** How the garbage of a registry is collected. Times are in milliseconds. */
export interface CollectRegistryOptions {
  /** Change nothing, only tell. Default: false. */
  readonly dryRun?: boolean
  /** What was put or looked for within this time stays. Default: one hour. */
  readonly grace?: number
  /** What was pushed without a manifest that refers to it stays this long, and while its repository has uploads under way. Default: a day. */
  readonly pending?: number
  /** Uploads that nobody has gone on with for this long are removed. Default: a week. */
  readonly uploads?: number
  readonly signal?: AbortSignal
}

/** What was, or would be, removed. */
export interface RegistryGarbage {
  readonly blobs: number
  /** Of the blobs and uploads. */
  readonly bytes: number
  readonly uploads: number
  /** Blobs that a repository showed without any manifest of it leading there. */
  readonly links: number
  /** How long it took, in milliseconds. */
  readonly took: number
}

const hour = 3_600_000

/**
 * Collects the garbage of a content store that a registry uses: uploads that were given up, blobs that no repository refers to,
 * and blobs that nothing leads to at all. It may run while this or another process serves, in steps between which everybody else
 * gets their turn. No push fails because of it: what was pushed and is not referred to yet is held meanwhile.
 */
export async function collectRegistryGarbage(
  parts: { readonly state: State; readonly store: Store },
  options: CollectRegistryOptions = {},
): Promise<RegistryGarbage> {
  const { state, store } = parts
  const { dryRun = false, grace = hour, pending = 24 * hour, uploads = 7 * 24 * hour, signal } = options
  // Of a clock that was set ahead, before this process began or since, neither believes that things are old.
  const started = Math.min(steadyNow(), store.now())
  const began = performance.now()
  const given = await removeUploads(parts, { dryRun, before: started - uploads, ...(signal && { signal }) })
  const links = await sweepLinks(state, {
    dryRun,
    before: started - Math.max(grace, pending),
    ...(signal && { signal }),
  })
  // What a slow push has brought may be older than any grace before its manifest comes.
  const isNeeded = (digest: Digest): boolean => isPending(state, digest, started - pending)
  const { removed, bytes } = await store.gc({ dryRun, grace, isNeeded, ...(signal && { signal }) })
  const garbage = {
    blobs: removed.length,
    bytes: bytes + given.bytes,
    uploads: given.uploads,
    links,
    took: Math.round(performance.now() - began),
  }
  if (!dryRun) recordRun(state, { ...garbage, started })
  return garbage
}
