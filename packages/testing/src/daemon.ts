export { hostInventory } from './runtime/host-inventory.ts'
export { realDaemon, realDaemonMissing, type RealDaemon } from './runtime/real-daemon.ts'
