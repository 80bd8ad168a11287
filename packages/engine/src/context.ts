import type { Host, Ledger, Site } from '@gantry/linux'
import type { Networks } from '@gantry/network'
import type { Runtime } from '@gantry/runtime'
import type { Snapshots } from '@gantry/snapshot'
import type { State } from '@gantry/state'
import type { Clock } from './clock.ts'
import type { LiveContainers } from './container/live.ts'
import type { LogDefault } from './container/log-choice.ts'
import type { ContainerTable } from './container/table.ts'
import type { EventLog } from './events/event-log.ts'
import type { ExecTable } from './exec/exec-table.ts'
import type { ImageLookup } from './images/image-lookup.ts'
import type { SecretStore } from './secrets/secret-store.ts'
import type { VolumeTable } from './volumes/volume-table.ts'

/** What the engine needs from the floors below. */
export interface EnginePorts {
  readonly site: Site
  readonly host: Host
  readonly state: State
  readonly ledger: Ledger
  readonly snapshots: Pick<Snapshots, 'prepare' | 'mount' | 'remove' | 'paths' | 'usage' | 'diff' | 'view' | 'list'>
  readonly networks: Networks
  readonly runtime: Runtime
  readonly images: ImageLookup
  readonly clock: Clock
  /** Where output goes when a container does not say; asked at each `create`. Default: files of 10 MB, three of them. */
  readonly defaultLog?: () => LogDefault
  /** Opens a stage on which verbs can be played through without changing anything. Absent where there is none. */
  readonly rehearse?: () => Promise<Stage>
  /** Told of what went wrong where nobody waits for an answer. */
  readonly log: (message: string, error?: unknown) => void
}

/** A copy of the database, a ledger that makes nothing and a root directory that is thrown away. Disposing of it forgets all. */
export interface Stage extends AsyncDisposable {
  readonly ports: Pick<EnginePorts, 'site' | 'state' | 'ledger' | 'snapshots' | 'networks' | 'runtime'>
  /** A value in which paths of the stage are those of the real root. */
  asReal<T>(value: T): T
}

/** What every verb works with. */
export interface Context extends EnginePorts {
  /** Set where verbs are played through on a stage. */
  readonly rehearsing?: true

  readonly containers: ContainerTable
  readonly live: LiveContainers
  readonly execs: ExecTable
  readonly volumes: VolumeTable
  readonly secrets: SecretStore
  readonly events: EventLog
}
