import { closeSync } from 'node:fs'
import { run, workerUrl } from '@gantry/process'
import type { CaptiveAnswer, MadeCaptive } from './captive-network-worker.ts'

/**
 * A network that nothing leaves: it has a loopback and no other link. Every TCP connection to an address that is not its own ends at
 * one listening socket of this process, questions for names (UDP, port 53) at another; all else is rejected at once.
 */
export interface CaptiveNetwork extends Disposable {
  /** For an OCI runtime: valid as long as this is not disposed of and the process lives. */
  readonly path: string
  /** A bound TCP socket for `server.listen({ fd })`, which owns it from then on. {@link originalDestination} tells where to. */
  readonly tcp: number
  /** A bound UDP socket for `socket.bind({ fd })`, which owns it from then on. */
  readonly udp: number
  /** Where else datagrams were sent to, which were rejected: at most 4096 addresses with their ports. @throws ProcessError */
  refused(): Promise<readonly CaptiveRefusal[]>
}

/** A place that datagrams were sent to. */
export interface CaptiveRefusal {
  /** IPv4. */
  readonly address: string
  readonly port: number
}

/**
 * Makes one. It is held by descriptors alone and has no name: the kernel removes it with this process and those in it, so
 * there is nothing for the ledger to undo. Works in a user namespace too. Needs `nft`.
 * @throws Error with what could not be done
 */
export async function openCaptiveNetwork(): Promise<CaptiveNetwork> {
  const { Worker } = await import('node:worker_threads')
  // A thread of its own: who owns a user namespace could enter the new network and not come back.
  const thread = new Worker(workerUrl('captive-network-worker', import.meta.url), { trackUnmanagedFds: false })
  const made = await new Promise<MadeCaptive>((resolve, reject) => {
    thread.once('error', reject)
    thread.once('message', (answer: CaptiveAnswer) => {
      if ('failure' in answer) reject(new Error(answer.failure))
      else resolve(answer)
    })
  }).finally(() => void thread.terminate())
  const { namespace, tcp, udp } = made
  let open = true
  const path = `/proc/${String(process.pid)}/fd/${String(namespace)}`
  return {
    path,
    tcp,
    udp,
    refused: async () => {
      const list = ['nft', '-j', 'list', 'set', 'inet', 'gantry', 'refused']
      return refusalsOf((await run('nsenter', [`--net=${path}`, '--', ...list])).stdout)
    },
    [Symbol.dispose]: () => {
      if (open) closeSync(namespace)
      open = false
    },
  }
}

/** What nft says of the set, in JSON: an element is an address and a port, wrapped where something is said of it. */
function refusalsOf(text: string): readonly CaptiveRefusal[] {
  const { nftables } = JSON.parse(text) as { nftables: { set?: { elem?: SetElement[] } }[] }
  return nftables
    .flatMap(({ set }) => set?.elem ?? [])
    .map((element) => ('elem' in element ? element.elem.val : element).concat)
    .map(([address, port]) => ({ address, port }))
}

interface Concatenation {
  readonly concat: readonly [address: string, port: number]
}

type SetElement = Concatenation | { readonly elem: { readonly val: Concatenation } }
