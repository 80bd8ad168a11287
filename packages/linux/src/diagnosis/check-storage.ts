import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Check, Checked, Verdict } from './verdict.ts'

const gibibyte = 2 ** 30

/** Whether the root can hold layers and overlays, and has room. */
export const checkStorage: Check = async (checked) => {
  const place = nearest(checked.site.root)
  return [overlay(checked), ...room(checked.site.root, place), ...type(place)]
}

function overlay({ host }: Checked): Verdict {
  return host.overlay
    ? { topic: 'overlay', verdict: 'ok', sentence: 'The kernel has overlayfs' }
    : {
        topic: 'overlay',
        verdict: 'failure',
        sentence: 'The kernel has no overlayfs: no root file system can be put together',
        mend: 'modprobe overlay',
      }
}

function room(root: string, place: string): readonly Verdict[] {
  const { bavail, bsize, files, ffree } = statfsSync(place)
  const free = bavail * bsize
  const found = `${(free / gibibyte).toFixed(1)} GiB free for ${root}`
  const verdicts: Verdict[] = [
    free < gibibyte
      ? {
          topic: 'storage',
          verdict: 'failure',
          sentence: `${found}: less than an image needs`,
          mend: `Free some space, or set GANTRY_ROOT to a directory with more`,
        }
      : free < 5 * gibibyte
        ? {
            topic: 'storage',
            verdict: 'warning',
            sentence: `${found}: little for builds`,
            mend: 'gantry rmi IMAGE, or set GANTRY_ROOT to a directory with more',
          }
        : { topic: 'storage', verdict: 'ok', sentence: found },
  ]
  // Some file systems count no inodes.
  if (files > 0 && ffree < 100_000) {
    verdicts.push({
      topic: 'storage',
      verdict: 'warning',
      sentence: `Only ${String(ffree)} inodes are free for ${root}: images have many small files`,
    })
  }
  if (!isWritable(place)) {
    verdicts.push({
      topic: 'storage',
      verdict: 'failure',
      sentence: `${place} cannot be written to`,
      mend: 'Run as root, or set GANTRY_ROOT to a directory of your own',
    })
  }
  return verdicts
}

// An overlay cannot have its upper directory on one of these.
const unable: Readonly<Record<string, string>> = {
  overlay: 'overlayfs',
  nfs: 'NFS',
  nfs4: 'NFS',
  vfat: 'FAT',
  '9p': '9p',
  fuse: 'FUSE',
}

function type(place: string): readonly Verdict[] {
  const found = fileSystemOf(place)
  const name = found === undefined ? undefined : unable[found]
  if (name === undefined) {
    return found === undefined
      ? []
      : [{ topic: 'storage', verdict: 'ok', sentence: `Its file system is ${found}, which overlays can write to` }]
  }
  return [
    {
      topic: 'storage',
      verdict: 'failure',
      sentence: `${place} is on ${name}, which overlays cannot write to`,
      mend: 'Set GANTRY_ROOT to a directory on ext4, xfs, btrfs or tmpfs',
    },
  ]
}

function fileSystemOf(path: string): string | undefined {
  let best: { readonly point: string; readonly type: string } | undefined
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [head = '', tail = ''] = line.split(' - ')
    const point = head.split(' ')[4]
    if (point === undefined) continue
    const covers = point === '/' || path === point || path.startsWith(`${point}/`)
    if (covers && point.length >= (best?.point.length ?? 0)) best = { point, type: tail.split(' ')[0] ?? '' }
  }
  return best?.type
}

function nearest(path: string): string {
  let place = path
  while (!existsSync(place)) place = dirname(place)
  return place
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
