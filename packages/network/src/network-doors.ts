import type { Door } from '@gantry/linux'
import { forwarding6Door } from './forwarding6.ts'
import { forwardingDoor } from './forwarding.ts'

/** The doors of this package, for the ledger. */
export const networkDoors: readonly Door[] = [forwardingDoor, forwarding6Door]
