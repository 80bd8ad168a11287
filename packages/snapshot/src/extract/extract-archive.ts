import { closeSync, openSync } from 'node:fs'
import { TarReader } from '@gantry/tar'
import type { OverlayFormat } from '../overlay-format.ts'
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
    extractor.finish()
  } finally {
    extractor.close()
    closeSync(root)
  }
}
