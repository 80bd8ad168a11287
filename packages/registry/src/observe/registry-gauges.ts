import { statfs } from 'node:fs/promises'
import type { State } from '@gantry/state'
import type { Store } from '@gantry/store'
import { Gauge } from './gauge.ts'
import type { Metric } from './metric.ts'

/** How old a measure of the store may be, in milliseconds: it reads every directory of it. */
const fresh = 300_000

/** What a registry holds: read when somebody asks. The store is measured every five minutes at most, beside everything else. */
export function registryGauges(parts: { readonly state: State; readonly store: Store }): readonly Metric[] {
  const { state, store } = parts
  const count = (table: string): number => Number(state.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n'])
  let measured: { readonly blobs: number; readonly bytes: number } | undefined
  let measuring: Promise<void> | undefined
  let at = -Infinity
  const measure = async (): Promise<void> => {
    let [blobs, bytes] = [0, 0]
    for await (const { size } of store.blobs()) {
      blobs += 1
      bytes += size
    }
    measured = { blobs, bytes }
    at = performance.now()
  }
  const ofStore = async (): Promise<typeof measured> => {
    if (performance.now() - at > fresh) measuring ??= measure().finally(() => (measuring = undefined))
    // The first reader waits; later ones are shown what was measured last.
    if (measured === undefined) await measuring
    return measured
  }
  return [
    new Gauge({ name: 'gantry_registry_upload_sessions', help: 'Uploads under way.' }, () => count('registry_uploads')),
    new Gauge({ name: 'gantry_registry_repositories', help: 'Repositories.' }, () => count('registry_repositories')),
    new Gauge({ name: 'gantry_registry_manifests', help: 'Manifests, of each repository that has them.' }, () =>
      count('registry_manifests'),
    ),
    new Gauge({ name: 'gantry_registry_tags', help: 'Tags.' }, () => count('registry_tags')),
    new Gauge(
      { name: 'gantry_store_blobs', help: 'Blobs of the content store.' },
      async () => (await ofStore())?.blobs,
    ),
    new Gauge({ name: 'gantry_store_bytes', help: 'Bytes of the blobs of the content store.' }, async () => {
      return (await ofStore())?.bytes
    }),
    new Gauge({ name: 'gantry_store_free_bytes', help: 'Free bytes where the content store is.' }, async () => {
      const { bavail, bsize } = await statfs(store.root)
      return bavail * bsize
    }),
  ]
}
