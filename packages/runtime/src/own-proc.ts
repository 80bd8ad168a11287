import { readFileSync } from 'node:fs'

/**
 * Whether the kernel lets a user namespace mount a /proc of its own: only where the present one is seen whole. Containers hide parts
 * of theirs by mounting something over them. Mounts on directories that are always empty do not count.
 */
export function hasOwnProc(mountinfo: string = readFileSync('/proc/self/mountinfo', 'utf8')): boolean {
  return mountinfo.split('\n').every((line) => {
    const point = line.split(' ', 5)[4] ?? ''
    return !point.startsWith('/proc/') || alwaysEmpty.has(point)
  })
}

const alwaysEmpty: ReadonlySet<string> = new Set(['/proc/sys/fs/binfmt_misc', '/proc/fs/nfsd', '/proc/xen'])
