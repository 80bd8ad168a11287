import type { BuildCacheRecord } from '@gantry/client'
import type { ContentWorld } from './content-world.ts'

/** Docker's words for what a build cache holds. */
const types: Readonly<Record<string, string>> = {
  step: 'regular',
  unpacked: 'internal',
  download: 'source.http',
  mount: 'exec.cachemount',
  digests: 'internal',
}

/** What builds keep for later ones, in Docker's form. Layers that images share are not told again, for they count with the images. */
export async function apiBuildCache({ builderPorts }: Pick<ContentWorld, 'builderPorts'>): Promise<BuildCacheRecord[]> {
  // Loaded when it is asked for: it brings the builder with it.
  const { listCache } = await import('@gantry/builder')
  const entries = await listCache(builderPorts)
  return entries
    .filter(({ kind, shared }) => !(kind === 'unpacked' && shared))
    .map(({ kind, id, description, size, used, shared }) => ({
      ID: id,
      Type: types[kind] ?? 'regular',
      Description: description,
      InUse: false,
      Shared: shared,
      Size: size,
      CreatedAt: new Date(used).toISOString(),
      LastUsedAt: new Date(used).toISOString(),
      UsageCount: 1,
    }))
}
