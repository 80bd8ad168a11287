import type { State } from '@gantry/state'
import type { Catalog } from './catalog.ts'
import type { DocumentCache } from './document-cache.ts'
import type { RegistryRequest } from './exchange.ts'
import type { RegistryEvent } from './registry-event.ts'
import type { RegistryStorage } from './storage.ts'
import type { UploadRecords } from './upload-records.ts'
import type { UploadSessions } from './upload-sessions.ts'

/** What the handlers of a registry share. */
export interface RegistryParts {
  readonly storage: RegistryStorage
  readonly state: State
  readonly catalog: Catalog
  readonly uploads: UploadRecords
  readonly sessions: UploadSessions
  readonly documents: DocumentCache
  /** Whether an index may name manifests that the repository does not have. */
  readonly sparseIndexes: boolean
  readonly onEvent?: ((event: RegistryEvent) => void) | undefined
  readonly onError?: ((error: unknown, request?: RegistryRequest) => void) | undefined
}
