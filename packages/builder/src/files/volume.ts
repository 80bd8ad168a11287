import { hash } from 'node:crypto'
import { fileSystemOf, splitDevice } from '@gantry/linux'

/** By their magic numbers: file systems that stamp each change of a file with the kernel's clock, and on which a file keeps its number. */
const stamping: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0xf2f52010, // f2fs
  0xca451a4e, // bcachefs
  0x2fc12fc1, // zfs
  0x01021994, // tmpfs
])

/** Major numbers of loop and network block devices: one after another holds images, of which two may be equal in all but content. */
const imageDevices: ReadonlySet<number> = new Set([7, 43])

/**
 * A number for the file system that an open file is on, with which its files may be recognised by inode and times another day;
 * undefined where they may not: on what is mounted to be read (an image has the times that its maker chose), on other machines, on
 * overlays of such things, and wherever else a program answers. @throws SystemCallError
 */
export function volumeOf(descriptor: number, device: number): number | undefined {
  const { type, id, readOnly } = fileSystemOf(descriptor)
  if (readOnly || !stamping.has(type) || imageDevices.has(splitDevice(device).major)) return undefined
  // As many bits as a number counts exactly.
  return Number.parseInt(hash('sha256', `${type} ${id} ${device}`, 'hex').slice(0, 13), 16)
}
