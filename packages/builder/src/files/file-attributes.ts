import { getAttribute, listAttributes } from '@gantry/linux'

/** The attributes that belong to a file and not to the way it is stored here. */
export function readAttributes(path: string | Buffer): Readonly<Record<string, Uint8Array>> | undefined {
  const names = listAttributes(path).filter(
    (name) => name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.')),
  )
  if (names.length === 0) return undefined
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = getAttribute(path, name)
      return value === undefined ? [] : [[name, value]]
    }),
  )
}
