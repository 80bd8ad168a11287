import { readInRoot as readBytes } from '@gantry/linux'

const mostBytes = 4 * 1024 * 1024

/**
 * The text of a file of a root file system, with symbolic links followed as the container would: one that points to / or above stays
 * inside. Empty when there is no such file, or it is not a regular one. Reads at most 4 MiB.
 */
export function textInRoot(rootfs: string, path: string): string {
  return readBytes(rootfs, path, mostBytes)?.toString('utf8') ?? ''
}
