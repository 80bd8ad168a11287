import type { TarHeader } from '@gantry/tar'

/** Whether two files have the same metadata, their paths and content aside. */
export function sameMetadata(a: TarHeader, b: TarHeader): boolean {
  return (
    a.type === b.type &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.size === b.size &&
    Math.floor(a.mtime) === Math.floor(b.mtime) &&
    (a.linkPath ?? '') === (b.linkPath ?? '') &&
    (a.devMajor ?? 0) === (b.devMajor ?? 0) &&
    (a.devMinor ?? 0) === (b.devMinor ?? 0) &&
    sameAttributes(a.xattrs ?? {}, b.xattrs ?? {})
  )
}

/** Whether two sets of extended attributes are the same. */
export function sameAttributes(
  a: Readonly<Record<string, Uint8Array>>,
  b: Readonly<Record<string, Uint8Array>>,
): boolean {
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => {
      const [one, other] = [a[name], b[name]]
      return other !== undefined && one?.length === other.length && one.every((byte, at) => byte === other[at])
    })
  )
}
