/** Why a port of EXPOSE is none. */
export class PortError extends Error {
  override readonly name = 'PortError'
}

/**
 * The ports that words of EXPOSE mean, as `number/protocol`: `80`, `53/udp`, `8000-8003`; `ip:host:container` is accepted
 * and only the container's port counts, as in BuildKit. @throws PortError
 */
export function parsePorts(words: readonly string[]): string[] {
  return words.flatMap((word) => {
    const container = word.slice(word.lastIndexOf(':') + 1)
    const [range = '', written = ''] = splitOnce(container, '/')
    const protocol = written === '' ? 'tcp' : written.toLowerCase()
    if (!['tcp', 'udp', 'sctp'].includes(protocol))
      throw new PortError(`"${word}" has the unknown protocol "${written}"`)
    const [first = '', last = first] = splitOnce(range, '-')
    const from = portOf(first)
    const to = portOf(last)
    if (from === undefined || to === undefined || to < from) throw new PortError(`"${word}" is no port`)
    return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}/${protocol}`)
  })
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator)
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function portOf(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined
}
