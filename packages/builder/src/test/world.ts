import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createCodec, type NodeCodec } from '@gantry/codec'
import { openImage } from '@gantry/image'
import { createLedger, faultsOf, ledgerMigrations, readHost, siteOf } from '@gantry/linux'
import type { ContainerConfig, Descriptor, Digest, ImageConfig } from '@gantry/oci'
import { formatReference } from '@gantry/oci'
import { createRuntime } from '@gantry/runtime'
import { createSnapshots, snapshotMigrations } from '@gantry/snapshot'
import { openState, type State } from '@gantry/state'
import { openStore, type Store, storeMigrations } from '@gantry/store'
import { readTar, type TarHeader } from '@gantry/tar'
import { busyboxImage } from '@gantry/testing'
import {
  build,
  type BuilderPorts,
  builderMigrations,
  type BuildEvent,
  type BuildOptions,
  type BuildResult,
  type ContextSource,
} from '../index.ts'

/** One entry of a layer, with its content. */
export interface Entry extends TarHeader {
  readonly content: string
}

/** A place to build in that is thrown away, with the real parts. */
export class World implements AsyncDisposable {
  readonly root: string
  readonly run: string
  readonly ports: BuilderPorts
  readonly store: Store
  readonly state: State
  readonly codec: NodeCodec
  events: BuildEvent[] = []

  private constructor(parts: {
    root: string
    run: string
    ports: BuilderPorts
    store: Store
    state: State
    codec: NodeCodec
  }) {
    this.root = parts.root
    this.run = parts.run
    this.ports = parts.ports
    this.store = parts.store
    this.state = parts.state
    this.codec = parts.codec
  }

  static async open(existing?: string): Promise<World> {
    const root = existing ?? mkdtempSync(join(tmpdir(), 'gantry-build-'))
    const run = join(root, 'run')
    const site = siteOf({ ...process.env, GANTRY_RUN: run }, { root })
    const codec = createCodec()
    const state = openState(join(root, 'state.db'), [
      ledgerMigrations,
      snapshotMigrations,
      storeMigrations,
      builderMigrations,
    ])
    const host = await readHost()
    const faults = faultsOf(process.env)
    const ledger = createLedger({ state, ...(faults === undefined ? {} : { faults }) })
    const store = await openStore({ root: join(root, 'content'), state, codec })
    const ports: BuilderPorts = {
      site: { root, run, instance: site.instance },
      host,
      state,
      ledger,
      store,
      codec,
      snapshots: createSnapshots({ site: { root }, state, ledger, host }),
      get runtime() {
        return createRuntime({ site: { ...site, run }, host, ledger })
      },
      resolveImage: (reference) => store.resolve(formatReference(reference)),
    }
    return new World({ root, run, ports, store, state, codec })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.assertClean()
    await this.ports.snapshots.gc({ keep: [] })
    await this.ports.snapshots.close()
    await this.store[Symbol.asyncDispose]()
    await this.codec.close()
    this.state[Symbol.dispose]()
    for (const group of this.groups()) rmdirSync(group)
    rmSync(this.root, { recursive: true, force: true })
  }

  /** The control groups of this place's containers. */
  groups(): string[] {
    const { hierarchies, unified } = this.ports.host.cgroup
    return [...hierarchies, ...(unified === undefined ? [] : [unified])]
      .map((mount) => join(mount, this.ports.site.instance))
      .filter((path) => existsSync(path))
  }

  /** Nothing of a build is mounted, recorded as under way, or lying about. */
  assertClean(): void {
    const mounted = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(this.root))
    assert.deepEqual(mounted, [])
    assert.deepEqual(this.ports.ledger.owners('build'), [])
    const left = existsSync(this.run) ? readdirSync(this.run).filter((name) => name.startsWith('build')) : []
    assert.deepEqual(left, [])
    const inside = this.groups().flatMap((group) =>
      readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory()),
    )
    assert.deepEqual(inside, [])
    assert.deepEqual(this.ports.snapshots.list().snapshots, [])
  }

  /** Puts the busybox image into the store under `localhost/busybox:latest`. */
  async busybox(config: ContainerConfig = {}, name = 'localhost/busybox:latest'): Promise<Descriptor> {
    const image = await busyboxImage(this.store, this.codec, config)
    await this.store.tag(name, image.descriptor)
    return image.descriptor
  }

  /** Writes a context; a name that ends in a slash is a directory, a mode may follow after a space. */
  context(files: Readonly<Record<string, string>>): string {
    const directory = mkdtempSync(join(this.root, 'context-'))
    for (const [key, content] of Object.entries(files)) {
      const [name = '', mode] = key.split(' ')
      const path = join(directory, name)
      if (name.endsWith('/')) mkdirSync(path, { recursive: true })
      else {
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, content)
      }
      if (mode !== undefined) chmodSync(path, Number.parseInt(mode, 8))
    }
    return directory
  }

  async build(
    context: string | Readonly<Record<string, string>>,
    options: Partial<BuildOptions> = {},
  ): Promise<BuildResult & { readonly config: ImageConfig; readonly layers: readonly Digest[] }> {
    return this.buildFrom(typeof context === 'string' ? context : this.context(context), options)
  }

  /** Builds from any context. */
  async buildFrom(
    context: ContextSource,
    options: Partial<BuildOptions> = {},
  ): Promise<BuildResult & { readonly config: ImageConfig; readonly layers: readonly Digest[] }> {
    this.events = []
    const result = await build(
      { environment: {}, ...options, context, onEvent: (event) => this.events.push(event) },
      this.ports,
    )
    const platform = options.platforms?.[0] ?? options.platform
    const chosen = { codec: this.codec, ...(platform === undefined ? {} : { platform }) }
    const image = await openImage(this.store, result.descriptor, chosen)
    const config = await image.config()
    return { ...result, config, layers: config.rootfs.diff_ids }
  }

  /** What a layer holds. */
  async layer(diffId: Digest): Promise<Entry[]> {
    const size = this.store.size(diffId) ?? 0
    await using blob = await this.store.open({ mediaType: '', digest: diffId, size })
    const entries: Entry[] = []
    for await (const { header, body } of readTar(blob)) {
      const content = Buffer.concat(await Array.fromAsync(body)).toString()
      entries.push({ ...header, content })
    }
    return entries
  }

  /** Steps of the last build with whether they were cached. */
  steps(): (readonly [string, boolean])[] {
    return this.events.flatMap((event) =>
      event.kind === 'step-done' && event.step.kind !== 'from' ? [[event.step.text, event.cached] as const] : [],
    )
  }

  /** What the RUNs of the last build wrote. */
  output(): string {
    return this.events.map((event) => (event.kind === 'output' ? Buffer.from(event.data).toString() : '')).join('')
  }
}

/** One line per entry: type, mode, owner, path. */
export function listing(entries: readonly Entry[]): string[] {
  return entries.map(({ type, mode, uid, gid, path }) => `${type} ${mode.toString(8)} ${uid}:${gid} ${path}`)
}
