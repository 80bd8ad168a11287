import type { Platform } from '@gantry/oci'
import type { NodePlatform } from './layout/layout.ts'

/** Processors as Node calls them. */
const processors: Readonly<Record<string, string>> = { amd64: 'x64', 386: 'ia32', ppc64le: 'ppc64' }

/** What packages are chosen by, for an image on a base: its C library is told by the base's name. */
export function nodePlatform({ os, architecture }: Platform, base: string): NodePlatform {
  const cpu = processors[architecture] ?? architecture
  return { os, cpu, libc: /\balpine\b|-musl\b/.test(base) ? 'musl' : 'glibc' }
}
