export { hostInventory } from './runtime/host-inventory.ts'
export { hostileImage, type HostileImage } from './runtime/hostile-image.ts'
export { realDaemon, realDaemonMissing, type RealDaemon } from './runtime/real-daemon.ts'
