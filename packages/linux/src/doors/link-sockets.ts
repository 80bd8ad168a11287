import { closeSync, openSync } from 'node:fs'
import { Netlink } from '../sys/netlink.ts'
import { inNetworkNamespace } from '../sys/network-namespace.ts'

/** Where `ip` and Gantry keep a named network namespace. */
export function netnsPath(name: string): string {
  return `/run/netns/${name}`
}

/** The netlink sockets and namespace descriptors of one batch, opened when they are needed. */
export class LinkSockets implements Disposable {
  readonly #sockets = new Map<string | undefined, Netlink>()
  readonly #descriptors = new Map<string, number>()

  /** The socket of a named network namespace, or of the host. @throws SystemCallError */
  socketIn(netns: string | undefined): Netlink {
    let socket = this.#sockets.get(netns)
    if (socket === undefined) {
      socket = netns === undefined ? new Netlink() : inNetworkNamespace(netnsPath(netns), () => new Netlink())
      this.#sockets.set(netns, socket)
    }
    return socket
  }

  /** A descriptor of a named network namespace. @throws SystemCallError */
  netns(name: string): number {
    const fd = this.#descriptors.get(name) ?? openSync(netnsPath(name), 'r')
    this.#descriptors.set(name, fd)
    return fd
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets.values()) socket[Symbol.dispose]()
    for (const fd of this.#descriptors.values()) closeSync(fd)
  }
}
