import { connect, type Socket } from 'node:net'
import type { EgressOptions } from './egress-gateway.ts'
import { readServerName } from './server-name.ts'

/** What connections are judged by, and who closes them. */
export interface RelayOptions extends Pick<EgressOptions, 'allows' | 'onReached'> {
  /** Told of each socket that is opened. */
  readonly keep: (socket: Socket) => void
}

/** Connects to a host that is allowed, and passes bytes both ways until both sides have ended. */
export function relay(
  inside: Socket,
  { host, target, port }: { readonly host: string; readonly target: string; readonly port: number },
  { allows, onReached, keep }: RelayOptions,
): void {
  const outside = connect({ host: target, port, allowHalfOpen: true })
  keep(outside)
  outside.on('error', () => inside.resetAndDestroy())
  inside.on('error', () => outside.destroy())
  inside.on('close', () => outside.destroy())
  outside.on('close', () => inside.destroySoon())
  outside.pipe(inside)
  // What a TLS connection says of its server must be allowed too, else one name would open all that stands behind its address.
  let held: Buffer = Buffer.alloc(0)
  const judge = (data: Buffer): void => {
    held = Buffer.concat([held, data])
    const said = readServerName(held)
    if (said.kind === 'more') return
    if (said.kind === 'name' && said.name !== host) {
      const allowed = allows(said.name, port)
      onReached({ host: said.name, port, allowed })
      if (!allowed) {
        inside.resetAndDestroy()
        outside.destroy()
        return
      }
    }
    pass()
  }
  const pass = (): void => {
    inside.off('data', judge)
    inside.off('end', pass)
    outside.write(held)
    inside.pipe(outside)
    if (inside.readableEnded) outside.end()
  }
  inside.on('data', judge)
  inside.on('end', pass)
}
