import { encodeText } from '@gantry/tar'

/** A normalised entry path as its directory (`.` is the root) and its last name. */
export function splitPath(path: string): { readonly parent: string; readonly name: string } {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? { parent: '.', name: path } : { parent: path.slice(0, slash), name: path.slice(slash + 1) }
}

/** A name for system calls: as text, or as bytes ending in NUL where it is not UTF-8. */
export function nativeName(name: string): string | Uint8Array {
  if (name.isWellFormed()) return name
  const bytes = encodeText(name)
  const ended = new Uint8Array(bytes.length + 1)
  ended.set(bytes)
  return ended
}

/** A path to a name inside an open directory, for calls that know no directory descriptors. */
export function pathThrough(directory: number, name: string): string | Uint8Array {
  return nativeName(`/proc/self/fd/${String(directory)}/${name}`)
}
