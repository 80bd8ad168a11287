import type { LockedPackage } from '../lock/lock.ts'
import type { NodePlatform } from './layout.ts'

/** Whether a package says that it is for a platform: lists of names, `!name` for all but that one. */
export function fitsPlatform({ os, cpu, libc }: LockedPackage, platform: NodePlatform): boolean {
  return allows(os, platform.os) && allows(cpu, platform.cpu) && allows(libc, platform.libc)
}

/** Whether a package says at all which platforms it is for. */
export function isForSomePlatforms({ os, cpu, libc }: LockedPackage): boolean {
  return [os, cpu, libc].some((list) => list !== undefined && list.length > 0)
}

function allows(list: readonly string[] | undefined, value: string): boolean {
  if (list === undefined || list.length === 0 || list.includes('any')) return true
  if (list.includes(`!${value}`)) return false
  const wanted = list.filter((entry) => !entry.startsWith('!'))
  return wanted.length === 0 || wanted.includes(value)
}
