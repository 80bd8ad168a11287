import { saveDockerArchive, type ArchivedImage, type SaveOptions } from '@gantry/image'
import type { Context } from '../context.ts'
import { writeWhole } from './write-whole.ts'

/** Writes images as an archive to a file, or to standard output for `-`. A file is whole, or it is what it was before. */
export async function writeArchive(
  context: Context,
  path: string,
  images: readonly ArchivedImage[],
  options: SaveOptions,
): Promise<void> {
  const archive = saveDockerArchive(images, options)
  await writeWhole(context, path, archive)
}
