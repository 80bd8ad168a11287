import { diffUpper } from './diff-upper.ts'

/**
 * The tar of a directory of this machine, in path order: owners, modes, devices, hard links and extended attributes kept; the
 * directory itself has no entry, sockets are left out. A device 0/0 becomes a whiteout, as it is one in an upper directory.
 * Blocks its thread for a chunk at a time.
 */
export async function* directoryTar(path: string): AsyncGenerator<Uint8Array> {
  yield* diffUpper({
    call: 'diff',
    upper: path,
    format: {
      privateXattrs: 'trusted.overlay.',
      opaqueXattr: 'trusted.overlay.opaque',
      options: [],
      whiteouts: true,
      devices: true,
      owners: true,
    },
  })
}
