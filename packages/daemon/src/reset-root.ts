import { existsSync, readdirSync, rmdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  isAlive,
  lockFile,
  mountBelow,
  unmount,
  type FileLock,
  type Ledger,
  type Owner,
  type Site,
} from '@gantry/linux'
import { DaemonError } from './daemon-error.ts'
import { daemonLockPath } from './daemon-files.ts'
import { stopDaemon } from './daemon-status.ts'
import { openWorld, type World } from './open-world.ts'

/** What a root holds, for those who are asked whether it may go. */
export interface RootContents {
  readonly containers: readonly { readonly name: string; readonly running: boolean }[]
  readonly images: number
  readonly volumes: readonly string[]
  readonly networks: readonly string[]
}

/** Everything that Gantry itself puts into a root. What else is there belongs to somebody else, and stays. */
const ownFiles =
  /^(base|build-caches|tmp|uploads|userns|containers|content|settings\.json(\.new)?|snapshots|volumes|daemon\.(lock|log(\.1)?)|state\.db(-shm|-wal)?)$/

/** Whether there is a root at all. */
export function hasRoot(site: Pick<Site, 'root'>): boolean {
  return existsSync(join(site.root, 'state.db'))
}

/** What a root holds now. Changes nothing. @throws as `openWorld` */
export async function rootContents(site: Site): Promise<RootContents> {
  await using world = await openWorld(site)
  const { engine, networks, content } = world
  return {
    containers: engine
      .list({ all: true })
      .map(({ name, status }) => ({ name, running: status !== 'exited' && status !== 'created' })),
    images: (await content.list()).length,
    volumes: engine.listVolumes().map(({ name }) => name),
    networks: networks.list().map(({ name }) => name),
  }
}

/**
 * Takes a root away with everything that it changed about the machine: stops its daemon, ends and removes its containers, undoes all
 * that the ledger knows of (later things first, the host's last), and removes its files and its run directory. Idempotent: where it
 * fails, nothing that the ledger needs is gone, and calling it again goes on. Files in the root that Gantry did not make stay.
 *
 * @returns what of the root directory was left, because it is not Gantry's
 * @throws DaemonError DAEMON_RUNNING when a daemon was quicker, ROOT_BUSY when a build or another command works on it
 * @throws StateError STATE_TOO_NEW and others; LedgerError UNDO_FAILED
 */
export async function resetRoot(site: Site): Promise<readonly string[]> {
  if (hasRoot(site)) {
    await stopDaemon(site)
    using held = new DisposableStack()
    held.use(lockDaemon(site))
    await undoAll(site)
    const mounted = mountBelow(site.root)
    if (mounted !== undefined) {
      throw new DaemonError('ROOT_BUSY', `Cannot remove ${site.root}: "${mounted}" is mounted, and not by Gantry`, {
        hint: `"umount ${mounted}", then try again`,
      })
    }
    // The database goes last: as long as it is there, a reset that was interrupted can be repeated.
    const own = readdirSync(site.root).filter((name) => ownFiles.test(name))
    for (const name of own.toSorted((a, b) => Number(a.startsWith('state')) - Number(b.startsWith('state'))))
      await rm(join(site.root, name), { recursive: true, force: true })
  }
  await rm(site.run, { recursive: true, force: true })
  return removeIfEmpty(site.root)
}

function lockDaemon(site: Site): FileLock {
  const lock = lockFile(daemonLockPath(site))
  if (lock !== undefined) return lock
  throw new DaemonError('DAEMON_RUNNING', `Cannot remove ${site.root}: a daemon has just been started for it`, {
    hint: 'try again when nobody uses it',
  })
}

async function undoAll(site: Site): Promise<void> {
  await using world = await openWorld(site)
  refuseIfUsed(world.ledger, site)
  await world.engine.recover()
  await removeContainers(world)
  const runs = world.ledger.owners('container').filter(({ owner }) => owner.includes('/run/'))
  for (const { owner } of runs) await world.ledger.undo(owner)
  await unmountSnapshots(site)
  const owners = world.ledger.owners().map(({ owner }) => owner)
  for (const owner of owners.toReversed().toSorted((a, b) => rank(a) - rank(b))) await world.ledger.undo(owner)
}

/** Containers stand on networks, and all on what belongs to the host: later ones go first, the host's last. */
function rank(owner: Owner): number {
  return owner.startsWith('host') ? 2 : owner.startsWith('network/') ? 1 : 0
}

function refuseIfUsed(ledger: Ledger, site: Site): void {
  const busy = ledger
    .owners()
    .find(({ state, holder }) => state !== 'settled' && holder.pid !== process.pid && isAlive(holder))
  if (busy === undefined) return
  throw new DaemonError(
    'ROOT_BUSY',
    `Cannot remove ${site.root}: process ${String(busy.holder.pid)} works on it (${busy.owner})`,
    { hint: 'wait until it has ended, or end it' },
  )
}

/** What cannot be removed here is told by the ledger, which is asked next. */
async function removeContainers({ engine }: World): Promise<void> {
  await Promise.allSettled(
    engine.list({ all: true }).map(({ id }) => engine.remove(id, { force: true, volumes: true })),
  )
}

/** Unmounts root file systems that the ledger believes gone: they were taken back in another mount namespace than this one. */
async function unmountSnapshots({ root }: Site): Promise<void> {
  for (const below of ['snapshots', 'userns'].map((name) => join(root, name)))
    for (let at = mountBelow(below); at !== undefined; at = mountBelow(below)) await unmount(at)
}

function removeIfEmpty(path: string): readonly string[] {
  if (!existsSync(path)) return []
  const left = readdirSync(path)
  if (left.length === 0) rmdirSync(path)
  return left
}
