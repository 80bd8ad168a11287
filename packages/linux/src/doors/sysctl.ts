import { readFileSync, writeFileSync } from 'node:fs'
import type { Change } from '../ledger/change.ts'
import type { Door } from '../ledger/door.ts'
import { errorCode } from '../sys/system-call-error.ts'
import { shellWords } from './shell-quote.ts'

/** Arguments of {@link sysctl}. */
export type SysctlArgs = {
  /** With dots, or with slashes where a part has a dot of its own: `net/ipv4/conf/eth0.1/forwarding`. */
  readonly key: string
  readonly value: string
}

/** A kernel parameter of the host. Undo puts the former value back, if ours is still there. */
export function sysctl(args: SysctlArgs, why: string): Change<SysctlArgs> {
  return { kind: 'sysctl', args, why }
}

/** The door of {@link sysctl}. */
export const sysctlDoor: Door<SysctlArgs> = {
  kind: 'sysctl',
  describe: ({ key, value }) => ({
    sentence: `Set the kernel parameter ${key} to ${value}`,
    command: shellWords('sysctl', '-w', `${key}=${value}`),
    undo: shellWords('sysctl', '-w', `${key}=…`),
  }),
  observe: ({ key }) => read(key),
  apply: async ({ key, value }) => {
    // Not written when it is so already: some parameters are read-only in containers and right all the same.
    if (read(key) !== value) writeFileSync(pathOf(key), value)
    return undefined
  },
  undo: async ({ key, value }, _identity, { prior }) => {
    if (typeof prior === 'string' && prior !== value && read(key) === value) writeFileSync(pathOf(key), prior)
  },
}

function read(key: string): string | undefined {
  try {
    return readFileSync(pathOf(key), 'utf8').trim().replaceAll(/\s+/g, ' ')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function pathOf(key: string): string {
  const parts = key.includes('/') ? key.split('/') : key.split('.')
  if (parts.some((part) => part === '' || part === '..' || part.includes('\0'))) {
    throw new RangeError(`"${key}" is not the name of a kernel parameter`)
  }
  return `/proc/sys/${parts.join('/')}`
}
