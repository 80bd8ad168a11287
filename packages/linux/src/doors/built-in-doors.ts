import type { Door } from '../ledger/door.ts'
import { cgroupDoor } from './cgroup.ts'
import { directoryDoor } from './directory.ts'
import { fileDoor } from './file.ts'
import { firewallRuleDoor } from './firewall-rule.ts'
import { addressDoor, linkUpDoor, routeDoor } from './inside-link.ts'
import { bridgeDoor, netnsDoor, sublinkDoor, vethDoor } from './link.ts'
import { mountDoor } from './mount.ts'
import { nftElementDoor, nftTableDoor } from './nft.ts'
import { processDoor } from './process.ts'
import { sysctlDoor } from './sysctl.ts'
import { usersDoor } from './users.ts'

/** Every door of this package. Each checks its own arguments, which come from constructors or the database. */
export const builtInDoors: readonly Door[] = [
  directoryDoor,
  fileDoor,
  mountDoor,
  netnsDoor,
  vethDoor,
  sublinkDoor,
  bridgeDoor,
  addressDoor,
  routeDoor,
  linkUpDoor,
  sysctlDoor,
  nftTableDoor,
  nftElementDoor,
  firewallRuleDoor,
  cgroupDoor,
  processDoor,
  usersDoor,
]
