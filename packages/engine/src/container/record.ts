import type { Digest } from '@gantry/oci'
import type { HealthState } from './health.ts'
import type { ContainerSpec } from './spec.ts'
import type { Status } from './status.ts'

/** A container as the engine keeps it: in memory and, written through, in the database. Only the table changes it. */
export interface ContainerRecord {
  readonly id: string
  readonly name: string
  /** Milliseconds since the epoch, with a fraction; so are all times. */
  readonly created: number
  readonly image: ImageOfContainer
  readonly spec: ContainerSpec
  readonly status: Status
  readonly progress: Progress
}

/** The image a container was made from, which it keeps in use. */
export interface ImageOfContainer {
  /** Digest of the image's configuration. */
  readonly id: Digest
  readonly manifest: Digest
  /** Chain ID of the top layer; absent for an image without layers. */
  readonly chain?: Digest
}

/** What has happened to a container. */
export interface Progress {
  /** How often it has been started; names the ledger's owner of the present or last run. */
  readonly run: number
  /** 0 when it does not run. */
  readonly pid: number
  readonly startedAt?: number
  readonly finishedAt?: number
  readonly exitCode: number
  readonly oomKilled: boolean
  /** Why the last start failed. */
  readonly error: string
  readonly restartCount: number
  /** Somebody stopped it: restart policies let it be. */
  readonly stopRequested: boolean
  /** Its process has ended, but what the run changed on the host is not all undone yet. */
  readonly ending: boolean
  readonly endpoints: readonly EndpointRecord[]
  /** Published ports of a container that was disconnected from the network they lead to: held until it is connected again. */
  readonly heldPorts?: readonly PortRecord[]
  /** Of a container with a health check that has been started. */
  readonly health?: HealthState
}

/** A connection of a running container to a network. */
export interface EndpointRecord {
  readonly network: string
  readonly networkId: string
  readonly endpointId: string
  readonly address: string
  readonly prefixLength: number
  readonly gateway: string
  /** Absent: the network has no IPv6. */
  readonly address6?: string
  readonly prefixLength6?: number
  readonly gateway6?: string
  readonly mac: string
  readonly aliases: readonly string[]
  readonly netns: string
  readonly ports: readonly PortRecord[]
}

/** A published port as it is. */
export interface PortRecord {
  readonly hostIp: string
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  /** A process passes its packets on. */
  readonly proxy?: boolean
}

/** The progress of a container that has just been made. */
export const notStarted: Progress = {
  run: 0,
  pid: 0,
  exitCode: 0,
  oomKilled: false,
  error: '',
  restartCount: 0,
  stopRequested: false,
  ending: false,
  endpoints: [],
}

/** The ledger's owner of what lasts as long as the container. */
export function containerOwner(id: string): string {
  return `container/${id}`
}

/** The ledger's owner of what lasts as long as one run of it. */
export function runOwner(id: string, run: number): string {
  return `container/${id}/run/${run}`
}
