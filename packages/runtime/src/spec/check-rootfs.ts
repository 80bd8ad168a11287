import { lstatSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { RuntimeError } from '../runtime-error.ts'

/** Where runtimes mount and make links by plain paths below the root file system. */
const ownPlaces = ['proc', 'sys', 'dev']

/**
 * Refuses a root file system in which a link stands where the runtime makes its own things. runc before 1.2 writes `/dev/fd`,
 * `/dev/ptmx` and others with paths that the host resolves: a `/dev` that leads elsewhere would change a directory of the host.
 * Whoever made the image made the link; no process of the container runs yet.
 * @throws RuntimeError SPEC_INVALID
 */
export function checkRootfs(rootfs: string): void {
  for (const name of ownPlaces) {
    const path = join(rootfs, name)
    const status = lstatSync(path, { throwIfNoEntry: false })
    if (status === undefined || status.isDirectory()) continue
    const what = status.isSymbolicLink() ? `a symbolic link to "${readlinkSync(path)}"` : 'no directory'
    throw new RuntimeError('SPEC_INVALID', `Cannot run in this root file system: its "/${name}" is ${what}`, {
      subject: `/${name}`,
      hint: `use an image whose /${name} is a directory, or that has none`,
    })
  }
}
