import { constants, openSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { run } from '@gantry/process'
import { requestsOf } from '../doors/link-requests.ts'
import { Netlink } from '../sys/netlink.ts'
import { unshareNetwork } from '../sys/network-namespace.ts'
import { reservePort } from '../sys/reserve-port.ts'
import { captiveAddress } from './captive-address.ts'

/** What the thread has made: descriptors of the process, which are its to close. */
export interface MadeCaptive {
  readonly namespace: number
  /** Bound, not listening yet. */
  readonly tcp: number
  readonly udp: number
}

/** The answer of the thread: it ends afterwards. */
export type CaptiveAnswer = MadeCaptive | { readonly failure: string }

make().then(
  (made) => answer(made),
  (error: unknown) => answer({ failure: error instanceof Error ? error.message : String(error) }),
)

function answer(message: CaptiveAnswer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort?.postMessage(message)
}

/** Everything after the first line happens in the new network, and only on this thread. */
async function make(): Promise<MadeCaptive> {
  unshareNetwork()
  {
    using kernel = new Netlink()
    const numbers = { linkIndex: (name: string) => kernel.linkIndex(name), netns: () => -1 }
    // Packets to any address find a way, which ends here: the rules below bring them to the two sockets.
    for (const [kind, args] of [
      ['netns', {}],
      ['address', { link: 'lo', cidr: `${captiveAddress}/32` }],
      ['route', { link: 'lo' }],
    ] as const) {
      for (const request of requestsOf(kind, args, numbers)) kernel.change(request)
    }
  }
  const tcp = reservePort('127.0.0.1', 0, 'tcp')
  const udp = reservePort('127.0.0.1', 0, 'udp')
  await run('nft', ['-f', '-'], { input: rules(tcp.port, udp.port) })
  const namespace = openSync('/proc/thread-self/ns/net', constants.O_RDONLY)
  return { namespace, tcp: tcp.fd, udp: udp.fd }
}

function rules(tcp: number, udp: number): string {
  return `table inet gantry {
  set refused { type ipv4_addr . inet_service; flags dynamic; size 4096; }
  chain towards_us {
    type nat hook output priority -100; policy accept;
    ip daddr 127.0.0.0/8 accept
    ip6 daddr ::1 accept
    meta l4proto tcp redirect to :${String(tcp)}
    udp dport 53 redirect to :${String(udp)}
  }
  chain elsewhere {
    type filter hook output priority 0; policy accept;
    ip daddr 127.0.0.0/8 accept
    ip6 daddr ::1 accept
    meta l4proto tcp accept
    ct direction reply accept
    meta nfproto ipv4 meta l4proto udp add @refused { ip daddr . udp dport }
    reject
  }
}
`
}
