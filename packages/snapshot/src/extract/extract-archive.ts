import { closeSync, openSync } from 'node:fs'
import { TarReader } from '@gantry/tar'
import type { OverlayFormat } from '../overlay-format.ts'
import { SnapshotError } from '../snapshot-error.ts'
import { Extractor } from './extractor.ts'

/**
 * Writes an archive from outside, such as a build context, into an empty directory, with the safety of unpacking layers:
 * nothing is written outside of it. On the calling thread; devices and owners are left out.
 *
 * @throws SnapshotError LAYER_INVALID, TarError, SystemCallError
 */
export async function extractArchive(archive: AsyncIterable<Uint8Array>, target: string): Promise<void> {
  const format: OverlayFormat = {
    privateXattrs: 'user.overlay.',
    opaqueXattr: 'user.overlay.opaque',
    options: [],
    whiteouts: false,
    devices: false,
    owners: false,
  }
  const root = openSync(target, 'r')
  const extractor = new Extractor(root, format)
  const reader = new TarReader()
  try {
    for await (const chunk of archive) {
      reader.push(chunk)
      for (let event = reader.read(); event !== undefined; event = reader.read()) extractor.take(event)
    }
    reader.finish()
    const [link] = extractor.finish().links
    if (link === undefined) return
    const message = `Cannot unpack "${link.path}": it is a hard link to "${link.target}", which the archive does not have`
    throw new SnapshotError('LAYER_INVALID', message)
  } finally {
    extractor.close()
    closeSync(root)
  }
}
