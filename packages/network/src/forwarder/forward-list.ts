/** A port of the host whose traffic is passed on by a process. */
export interface Forward {
  readonly protocol: 'tcp' | 'udp'
  readonly hostIp: string
  readonly hostPort: number
  /** Where to. */
  readonly ip: string
  readonly port: number
}

/** A port that could not be taken. */
export interface FailedForward {
  readonly forward: Forward
  /** The system's word: `EADDRINUSE`. */
  readonly code: string
}

/** What a forward listens on: two with the same cannot be. */
export function placeOf({ protocol, hostIp, hostPort }: Omit<Forward, 'ip' | 'port'>): string {
  return `${protocol} ${hostIp} ${String(hostPort)}`
}

/** Reads a list of forwards. @throws SyntaxError, TypeError */
export function parseForwards(line: string): readonly Forward[] {
  const value: unknown = JSON.parse(line)
  if (!Array.isArray(value) || !value.every(isForward)) throw new TypeError('not a list of forwards')
  return value
}

/** Reads the answer to a list of forwards. @throws SyntaxError, TypeError */
export function parseFailures(line: string): readonly FailedForward[] {
  const value: unknown = JSON.parse(line)
  const isFailure = (each: unknown): each is FailedForward =>
    typeof each === 'object' && each !== null && 'code' in each && 'forward' in each && isForward(each.forward)
  if (!Array.isArray(value) || !value.every(isFailure)) throw new TypeError('not a list of failures')
  return value
}

function isForward(value: unknown): value is Forward {
  if (typeof value !== 'object' || value === null) return false
  const { protocol, hostIp, hostPort, ip, port } = value as Record<string, unknown>
  return (
    (protocol === 'tcp' || protocol === 'udp') &&
    typeof hostIp === 'string' &&
    typeof ip === 'string' &&
    Number.isInteger(hostPort) &&
    Number.isInteger(port)
  )
}
