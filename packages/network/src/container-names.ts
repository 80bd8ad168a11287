import type { ConnectRequest } from './networks.ts'

/** Lower-case names by which others find a container: its name, the beginning of its ID, its host name and aliases. */
export function namesOf(container: ConnectRequest['container']): readonly string[] {
  const names = [container.name, container.id.slice(0, 12), container.hostname ?? '', ...(container.aliases ?? [])]
  // Anything else would break the name server's file, where spaces and commas separate.
  return [...new Set(names.map((name) => name.toLowerCase()).filter((name) => /^[a-z0-9_][a-z0-9_.-]*$/.test(name)))]
}

/** The first name of a link that a container does not have yet: `eth0`, `eth1`, … */
export function freeLink(used: readonly string[]): string {
  for (let index = 0; ; index++) if (!used.includes(`eth${String(index)}`)) return `eth${String(index)}`
}
