import { parseIndex, parseLayoutFile } from '@gantry/oci'
import { badArchive, type ArchiveFiles } from './archive-files.ts'
import { layoutEntries, type LayoutEntry } from './layout-names.ts'
import { takeDockerImages, type TakeOptions } from './load-docker.ts'

/**
 * The images of an archive: those of its `index.json`, or else those of its `manifest.json`.
 *
 * @throws {ImageError} ARCHIVE_INVALID: it has neither, or they list nothing
 */
export async function listImages(archive: ArchiveFiles, options: TakeOptions): Promise<readonly LayoutEntry[]> {
  const images = layoutImages(archive) ?? (await dockerImages(archive, options))
  if (images.length === 0) throw badArchive('it holds no image')
  return images
}

function layoutImages({ documents }: ArchiveFiles): readonly LayoutEntry[] | undefined {
  const index = documents.get('index.json')
  if (index === undefined) return undefined
  const layout = documents.get('oci-layout')
  if (layout !== undefined) parseLayoutFile(layout)
  const parsed = parseIndex(index)
  if (parsed.manifests.length === 0 && documents.has('manifest.json')) return undefined
  return layoutEntries(parsed)
}

async function dockerImages(archive: ArchiveFiles, options: TakeOptions): Promise<readonly LayoutEntry[]> {
  const manifest = archive.documents.get('manifest.json')
  if (manifest !== undefined) return takeDockerImages(archive, manifest, options)
  throw badArchive('it has neither the index.json of an OCI image layout nor the manifest.json of "docker save"')
}
