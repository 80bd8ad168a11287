/** A host that a RUN reached, or wanted to. */
export interface NetworkUse {
  /** A name, or an IPv4 address. */
  readonly host: string
  /** Missing where the name was refused already. */
  readonly port?: number
  /** What is carried to no host, whatever is allowed. Missing: TCP. */
  readonly protocol?: 'udp'
  readonly allowed: boolean
}

/** Each once, in the order of their names. */
export function distinctUses(uses: Iterable<NetworkUse>): readonly NetworkUse[] {
  const found = new Map([...uses].map((use) => [describeUse(use), use]))
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, use]) => use)
}

/** `packages.example:80`, `192.0.2.1:123/udp (refused)`, or `tracker.example (refused)`. */
export function describeUse({ host, port, protocol, allowed }: NetworkUse): string {
  const place = `${port === undefined ? '' : `:${String(port)}`}${protocol === undefined ? '' : `/${protocol}`}`
  return `${host}${place}${allowed ? '' : ' (refused)'}`
}

/** What was kept as JSON; empty when it is nothing of the kind. */
export function parseUses(value: unknown): readonly NetworkUse[] {
  if (!Array.isArray(value)) return []
  return (value as readonly unknown[]).flatMap((each) => {
    if (typeof each !== 'object' || each === null) return []
    const { host, port, protocol, allowed } = each as Record<string, unknown>
    if (typeof host !== 'string' || typeof allowed !== 'boolean') return []
    const udp = protocol === 'udp' ? ({ protocol } as const) : {}
    const more = { ...(typeof port === 'number' ? { port } : {}), ...udp }
    return [{ host, ...more, allowed }]
  })
}
