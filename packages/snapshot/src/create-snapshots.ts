import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { chainIds, type Image } from '@gantry/image'
import { systemHasher } from '@gantry/codec'
import { directory, type mount, type Applied, type Host, type Ledger, type Owner, type Site } from '@gantry/linux'
import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'
import { collectGarbage } from './collect-garbage.ts'
import { layerOwner } from './layer-owner.ts'
import { LayerUnpacker } from './layer-unpacker.ts'
import { overlayFormat, overlayVariant, type OverlayFormat } from './overlay-format.ts'
import { overlayMount } from './overlay-mount.ts'
import { mappedDirectory, ownersUnsupported } from './mapped-owners.ts'
import { SnapshotError } from './snapshot-error.ts'
import { SnapshotTable, type UpperRow } from './snapshot-table.ts'
import { SnapshotWorkers } from './snapshot-workers.ts'
import type {
  DiffOptions,
  MappedOwners,
  Prepared,
  PrepareOptions,
  SnapshotGcOptions,
  Snapshots,
  SnapshotUsage,
  UnpackOptions,
} from './snapshots.ts'

/** What snapshots are made with. */
export interface SnapshotParts {
  readonly site: Pick<Site, 'root'>
  readonly state: State
  readonly ledger: Ledger
  readonly host: Pick<Host, 'privileges' | 'overlay'>
}

/** Snapshots on overlayfs, under `<root>/snapshots/<n>/`: `fs` is the layer or upper directory. Touches nothing until used. */
export function createSnapshots(parts: SnapshotParts): Snapshots {
  return new OverlaySnapshots(parts)
}

class OverlaySnapshots implements Snapshots {
  readonly #directory: string
  readonly #ledger: Ledger
  readonly #table: SnapshotTable
  readonly #format: OverlayFormat
  readonly #overlay: boolean
  readonly #workers = new SnapshotWorkers()
  readonly #unpacker: LayerUnpacker

  constructor({ site, state, ledger, host }: SnapshotParts) {
    this.#directory = join(site.root, 'snapshots')
    this.#ledger = ledger
    this.#table = new SnapshotTable(state, overlayVariant(host))
    this.#format = overlayFormat(host)
    this.#overlay = host.overlay
    this.#unpacker = new LayerUnpacker({
      directory: this.#directory,
      ledger,
      table: this.#table,
      format: this.#format,
      workers: this.#workers,
    })
  }

  async chainOf(image: Image): Promise<Digest | undefined> {
    const { rootfs } = await image.config()
    return (await chainIds(rootfs.diff_ids, { hasher: systemHasher })).at(-1)
  }

  async unpack(image: Image, options: UnpackOptions = {}): Promise<Digest | undefined> {
    const { rootfs } = await image.config()
    const chain = await chainIds(rootfs.diff_ids, { hasher: systemHasher })
    const top = chain.at(-1)
    if (top === undefined) return undefined
    if (!this.has(top)) await this.#unpacker.unpack(image, chain, options)
    return top
  }

  has(chain: Digest): boolean {
    const row = this.#table.layer(chain)
    // Who asks is about to use it: garbage collection then leaves it for a while.
    if (row !== undefined) this.#table.touch(row, Date.now())
    return row !== undefined
  }

  async prepare(
    key: string,
    parent: Digest | undefined,
    owner: Owner,
    options: PrepareOptions = {},
  ): Promise<Prepared> {
    const { n, path } = this.#place()
    const why = 'the writable layer'
    const made = await this.#ledger.apply(
      owner,
      [directory({ path, mode: 0o700, children: ['fs', 'work', 'rootfs'] }, why)],
      options.signal === undefined ? {} : { signal: options.signal },
    )
    const row: UpperRow = {
      n,
      key,
      parent: parent ?? null,
      owner,
      directory: first(made).sequence,
      mount: null,
      mount_owner: null,
      volatile: options.volatile === true ? 1 : 0,
      created: Date.now(),
    }
    try {
      this.#table.transaction(() => this.#insert(row))
      return options.mount === false ? this.#prepared(row) : await this.mount(key, owner)
    } catch (error) {
      if (this.#table.upper(key)?.n === n) this.#table.dropUpper(key)
      await this.#ledger.undoEntries(owner, [row.directory])
      throw error
    }
  }

  async mount(key: string, owner: Owner, { owners }: { readonly owners?: MappedOwners } = {}): Promise<Prepared> {
    const row = this.#row(key)
    const lowers = this.#lowers(row.parent)
    const rootfs = join(this.#directory, String(row.n), 'rootfs')
    // An overlay that need not be synced marks its work directory, so that nobody takes it for whole after a crash of the machine.
    // This one was unmounted in order, by the ledger: it may be mounted again.
    // https://docs.kernel.org/6.1/filesystems/overlayfs.html#volatile-mount
    if (row.volatile === 1 && row.mount !== null)
      rmSync(join(rootfs, '../work/work/incompat'), { recursive: true, force: true })
    if (owners !== undefined) return this.#mountMapped(row, { owner, owners, lowers })
    const made = await this.#ledger.apply(owner, [this.#overlayOn(rootfs, lowers, { upper: row })])
    this.#table.setMount(key, first(made).sequence, owner)
    return { ...this.#prepared(row), rootfs }
  }

  /** Where processes of mapped users may pass, unlike beside an upper directory, whose files keep the ids of the inside. */
  async #mountMapped(
    row: UpperRow,
    { owner, owners, lowers }: { owner: Owner; owners: MappedOwners; lowers: readonly number[] },
  ): Promise<Prepared> {
    const path = mappedDirectory(this.#directory, row.n)
    const { mapped: rootfs } = this.#prepared(row)
    const why = 'its root file system, for its users alone'
    try {
      await this.#ledger.apply(owner, [
        directory({ path, mode: 0o710, gid: owners.root.gid, children: ['rootfs'] }, why),
        // Beside the upper directory, where only root may pass.
        directory({ path: join(this.#directory, String(row.n), 'mapped'), mode: 0o700 }, 'where its layers are mapped'),
      ])
      const made = await this.#ledger.apply(owner, [this.#overlayOn(rootfs, lowers, { upper: row, owners })])
      this.#table.setMount(row.key, first(made).sequence, owner)
      return { ...this.#prepared(row), rootfs }
    } catch (error) {
      throw ownersUnsupported(error) ?? error
    }
  }

  paths(key: string): Prepared {
    return this.#prepared(this.#row(key))
  }

  async view(chain: Digest | undefined, owner: Owner): Promise<{ readonly rootfs: string }> {
    if (chain !== undefined && !this.has(chain)) throw unknownChain(chain)
    const lowers = this.#lowers(chain ?? null)
    if (lowers.length === 1) return { rootfs: join(this.#directory, String(lowers[0]), 'fs') }
    const { path } = this.#place()
    const rootfs = join(path, 'rootfs')
    const why = 'a read-only view of an image'
    await this.#ledger.apply(owner, [directory({ path, mode: 0o700, children: ['rootfs'] }, why)])
    if (lowers.length > 0) await this.#ledger.apply(owner, [this.#overlayOn(rootfs, lowers)])
    return { rootfs }
  }

  diff(key: string, options: DiffOptions = {}): AsyncIterable<Uint8Array> {
    const { upper } = this.paths(key)
    const { mtime } = options
    const call = { call: 'diff', upper, format: this.#format, ...(mtime === undefined ? {} : { mtime }) } as const
    return this.#workers.stream(call, options.signal)
  }

  async commit(key: string, chain: Digest, layer: { readonly diffId: Digest }): Promise<void> {
    const row = this.#row(key)
    if (this.has(chain)) return this.remove(key)
    await this.#unmount(row)
    const bytes = await this.usage(key)
    const now = Date.now()
    const added = this.#table.transaction(() => {
      this.#ledger.move(row.owner, [row.directory], layerOwner(row.n))
      const { n, parent } = row
      const done = this.#table.addLayer({ n, chain, parent, diff_id: layer.diffId, bytes, created: now, used: now })
      this.#table.dropUpper(key)
      return done
    })
    if (!added) await this.#ledger.undo(layerOwner(row.n))
  }

  async remove(key: string): Promise<void> {
    const row = this.#table.upper(key)
    if (row === undefined) return
    await this.#unmount(row)
    await this.#ledger.undoEntries(row.owner, [row.directory])
    this.#table.dropUpper(key)
  }

  async usage(key: string): Promise<number> {
    return this.#workers.run<number>({ call: 'usage', directory: this.paths(key).upper })
  }

  list(): SnapshotUsage {
    return {
      layers: this.#table.layers().map(({ chain, bytes, created, used }) => ({ chain, bytes, created, used })),
      snapshots: this.#table
        .uppers()
        .map(({ key, parent, created }) => ({ key, parent: parent ?? undefined, created })),
    }
  }

  gc(options: SnapshotGcOptions): ReturnType<Snapshots['gc']> {
    return collectGarbage({ directory: this.#directory, table: this.#table, ledger: this.#ledger, options })
  }

  close(): Promise<void> {
    return this.#workers.close()
  }

  #place(): { readonly n: number; readonly path: string } {
    const n = this.#table.nextNumber()
    return { n, path: join(this.#directory, String(n)) }
  }

  #insert(row: UpperRow): void {
    if (row.parent !== null && this.#table.lineage(row.parent) === undefined) throw unknownChain(row.parent)
    const there = this.#table.upper(row.key)
    // Its directory is gone when its owner was undone: then only the row is left.
    if (there !== undefined && !existsSync(join(this.#directory, String(there.n)))) this.#table.dropUpper(row.key)
    if (!this.#table.addUpper(row)) {
      throw new SnapshotError('SNAPSHOT_EXISTS', `Cannot make the snapshot "${row.key}": there is one already`)
    }
  }

  #row(key: string): UpperRow {
    const row = this.#table.upper(key)
    if (row === undefined) throw new SnapshotError('SNAPSHOT_UNKNOWN', `There is no snapshot "${key}"`)
    return row
  }

  #prepared({ key, n }: UpperRow): Prepared {
    const path = join(this.#directory, String(n))
    const place = mappedDirectory(this.#directory, n)
    const mapped = join(place, 'rootfs')
    // It is there while the snapshot is mounted with mapped owners, and goes with the mount.
    return { key, rootfs: existsSync(place) ? mapped : join(path, 'rootfs'), mapped, upper: join(path, 'fs') }
  }

  /** Numbers of the layers of a chain, topmost first. */
  #lowers(chain: Digest | null): readonly number[] {
    if (chain === null) return []
    const lineage = this.#table.lineage(chain)
    if (lineage === undefined) throw unknownChain(chain)
    return lineage.map((row) => row.n)
  }

  #overlayOn(
    rootfs: string,
    lowers: readonly number[],
    more: { readonly upper?: UpperRow; readonly owners?: MappedOwners } = {},
  ): ReturnType<typeof mount> {
    if (!this.#overlay) {
      throw new SnapshotError('OVERLAY_UNSUPPORTED', 'Cannot mount a root file system: the kernel has no overlayfs', {
        hint: 'load it with "modprobe overlay"',
      })
    }
    return overlayMount({ rootfs, lowers, ...more, options: this.#format.options, directory: this.#directory })
  }

  async #unmount(row: UpperRow): Promise<void> {
    if (row.mount !== null && row.mount_owner !== null) await this.#ledger.undoEntries(row.mount_owner, [row.mount])
  }
}

function first(applied: readonly Applied[]): Applied {
  const [only] = applied
  if (only === undefined) throw new Error('the ledger answered without what it made')
  return only
}

function unknownChain(chain: Digest): SnapshotError {
  return new SnapshotError('CHAIN_UNKNOWN', `There is no unpacked layer ${chain}`, { hint: 'unpack the image again' })
}
