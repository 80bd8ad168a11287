import { join } from 'node:path'
import { assembleImage } from '@gantry/image'
import type { Owner } from '@gantry/linux'
import type { Descriptor, Digest, Platform } from '@gantry/oci'
import { type CachedLayer, createStepCache, type StepCache, type UsedStep } from './cache/step-cache.ts'
import { lockStep } from './cache/step-lock.ts'
import type { StepKey } from './cache/step-key.ts'
import type { Material } from './attest/provenance.ts'
import type { NetworkUse } from './egress/network-use.ts'
import { ContextTree } from './files/context-tree.ts'
import { ArchiveTree } from './files/archive-tree.ts'
import { DirectoryTree } from './files/directory-tree.ts'
import { exportedTree } from './image/exported-tree.ts'
import { readAttributes } from './files/file-attributes.ts'
import { createFileDigests, type FileDigests, transientDigests } from './files/file-digests.ts'
import { LayeredRoot } from './files/layered-root.ts'
import { emptyLookup, type Readable, type Tree } from './files/node.ts'
import { indexLayer, type LayerIndex } from './files/tar-index.ts'
import { chainOf, type LayerStack } from './image/layer-stack.ts'
import type { BuilderPorts } from './ports.ts'
import type { SessionOptions } from './session-options.ts'
import type { OnDecided, SharedStep, StepOutcome } from './step-outcome.ts'
import { StepHistory } from './why/step-history.ts'
import type { Workspace } from './workspace.ts'

/** How unpacking is watched. */
export type OnUnpack = (bytes: number, total: number) => void

/**
 * One build under way: the places it reads from, opened when they are first needed, and the owner under which everything
 * that it does to the machine stands in the ledger. Disposing of it takes all of that back.
 */
export class BuildSession implements AsyncDisposable {
  readonly ports: BuilderPorts
  readonly options: SessionOptions
  readonly cache: StepCache
  readonly history: StepHistory
  readonly #workspace: Workspace
  readonly #digests: FileDigests
  readonly #transient: FileDigests
  readonly #indexes = new Map<Digest, Promise<LayerIndex>>()
  readonly #views = new Map<string, Promise<Tree>>()
  readonly #trees: (DirectoryTree | ArchiveTree)[] = []
  readonly #openView: OpenView
  /** What was taken from elsewhere, for the provenance. */
  readonly materials: Map<string, Material> = new Map()
  readonly #used: UsedStep[] = []
  readonly #underWay = new Map<string, Promise<StepOutcome>>()
  readonly #contexts = new Map<string, ContextTree>()

  constructor(ports: BuilderPorts, workspace: Workspace, options: SessionOptions) {
    this.ports = ports
    this.#workspace = workspace
    this.options = options
    this.cache = createStepCache({ state: ports.state, store: ports.store, imports: options.imports })
    this.history = new StepHistory(ports.state)
    this.#digests = createFileDigests(ports.state, ports.codec)
    this.#transient = transientDigests(ports.codec)
    const { mounts, owners } = ports.host.privileges
    this.#openView = mounts && owners ? this.#mountedView.bind(this) : this.#exportedView.bind(this)
  }

  get id(): string {
    return this.#workspace.id
  }

  get owner(): Owner {
    return this.#workspace.owner
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tree of this.#trees) {
      if (tree instanceof ArchiveTree) await tree[Symbol.asyncDispose]()
      else tree[Symbol.dispose]()
    }
    this.#digests.flush()
  }

  /** The build context, or another that was given by name, without what is ignored. */
  context(name: string = ''): Tree {
    const known = this.#contexts.get(name)
    if (known !== undefined) return known
    const { directory, ignore } = this.options.contexts.get(name)!
    const tree = new DirectoryTree(directory, { digests: this.#digests })
    this.#trees.push(tree)
    const context = new ContextTree(tree, ignore)
    this.#contexts.set(name, context)
    return context
  }

  /** The files of a stack, as they appear in a container: unpacked, and mounted where it has several layers. */
  view(stack: LayerStack, platform: Platform, onUnpack?: OnUnpack): Promise<Tree> {
    return this.#view(stack, platform, onUnpack)
  }

  /**
   * The root file system of a stack, to look things up in. Layers that a build made and nobody unpacked yet are read from
   * their archives, so a COPY after a COPY needs no mount.
   */
  async root(stack: LayerStack, platform: Platform): Promise<Readable> {
    const { snapshots } = this.ports
    const firstMade = stack.findIndex((layer) => layer.made)
    const lowest = firstMade === -1 ? stack.length : firstMade
    let unpacked = stack.length
    while (unpacked > lowest && !snapshots.has(stack[unpacked - 1]!.chain)) unpacked--
    let root: Readable = unpacked === 0 ? emptyLookup : await this.#view(stack.slice(0, unpacked), platform)
    for (const { descriptor } of stack.slice(unpacked)) root = new LayeredRoot(root, await this.#index(descriptor))
    return root
  }

  /** Remembers what a layer holds that was just written. */
  remember(layer: Descriptor, index: LayerIndex | undefined): void {
    if (index !== undefined) this.#indexes.set(layer.digest, Promise.resolve(index))
  }

  /** Unpacks a stack; its chain is committed then. */
  async unpack(stack: LayerStack, platform: Platform, onUnpack?: OnUnpack): Promise<Digest | undefined> {
    const chain = chainOf(stack)
    const { snapshots, store, codec } = this.ports
    if (chain === undefined || snapshots.has(chain)) return chain
    await this.prepareMachine()
    const { architecture, os } = platform
    const image = await assembleImage({ config: { architecture, os }, layers: stack }, { source: store, codec })
    const progress = new Map<Digest, { bytes: number; total: number }>()
    return snapshots.unpack(image, {
      signal: this.options.signal,
      onProgress: ({ diffId, bytes, total }) => {
        progress.set(diffId, { bytes, total })
        const all = [...progress.values()]
        onUnpack?.(
          all.reduce((sum, each) => sum + each.bytes, 0),
          all.reduce((sum, each) => sum + each.total, 0),
        )
      },
    })
  }

  /** Takes back what killed builds left, once, before this one changes anything on the machine. */
  prepareMachine(): Promise<unknown> {
    return this.#workspace.prepareMachine()
  }

  /**
   * Does what a key stands for once, however many stages and processes ask for it: those who come later get the same result as cached.
   * Another process that does the same step is waited for.
   */
  async share(key: StepKey, { text, onDecided }: SharedStep, work: () => Promise<StepOutcome>): Promise<StepOutcome> {
    const known = this.#underWay.get(key.key)
    if (known !== undefined) {
      const outcome = await known
      onDecided({ key, found: 'shared' })
      return { ...outcome, cached: true }
    }
    const outcome = this.#lockedWork(key, work)
    this.#underWay.set(key.key, outcome)
    const { layer, network } = await outcome
    this.#used.push({ key: key.key, layer, instruction: text, ...(network === undefined ? {} : { network }) })
    return outcome
  }

  /** Remembers what a step took from elsewhere. */
  addMaterial(material: Material): void {
    this.materials.set(JSON.stringify(material), material)
  }

  /** The steps whose results this build used so far, by their keys. The same for every build of the same thing. */
  used(): readonly UsedStep[] {
    return this.#used.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  }

  /** The result of a step, when it is known and may be used. */
  async find(key: StepKey, onDecided: OnDecided): Promise<StepOutcome | undefined> {
    if (this.options.noCache) return undefined
    const known: CachedLayer | undefined = await this.cache.find(key.key)
    if (known === undefined || !this.#wouldReachTheSame(known.network)) return undefined
    onDecided({ key, found: 'key', from: known.from })
    return { layer: known.layer, cached: true, network: known.network }
  }

  async #lockedWork(key: StepKey, work: () => Promise<StepOutcome>): Promise<StepOutcome> {
    const { noCache, signal } = this.options
    // A result that is here needs no lock, and without the cache nobody's result is of use.
    if (noCache || this.#isKnown(key)) return work()
    const lock = await lockStep(this.ports.site.root, key.key, signal)
    try {
      return await work()
    } finally {
      lock[Symbol.dispose]()
    }
  }

  /** What was made under other rules holds when these say the same of every host that it met. */
  #wouldReachTheSame(network: readonly NetworkUse[] = []): boolean {
    const { egress } = this.options
    if (egress === undefined) return true
    return network.every(
      ({ host, port, protocol, allowed }) => protocol !== undefined || egress.allows(host, port) === allowed,
    )
  }

  #isKnown({ key }: StepKey): boolean {
    return this.ports.state.prepare('SELECT 1 FROM builder_steps WHERE key = ?').get(key) !== undefined
  }

  /** A directory for small files of one step, removed with the step's owner. */
  stepDirectory(owner: Owner, name: string): Promise<string> {
    return this.#workspace.stepDirectory(owner, name)
  }

  /** A directory on disk for what one step unpacks, removed with the step's owner. */
  scratchDirectory(owner: Owner, name: string): Promise<string> {
    return this.#workspace.scratchDirectory(owner, name)
  }

  #index(layer: Descriptor): Promise<LayerIndex> {
    const known = this.#indexes.get(layer.digest)
    if (known !== undefined) return known
    const index = indexLayer(this.ports.store.path(layer.digest))
    this.#indexes.set(layer.digest, index)
    return index
  }

  #view(stack: LayerStack, platform: Platform, onUnpack?: OnUnpack): Promise<Tree> {
    const key = chainOf(stack) ?? ''
    const known = this.#views.get(key)
    if (known !== undefined) return known
    const view = this.#openView(stack, platform, onUnpack)
    this.#views.set(key, view)
    return view
  }

  async #mountedView(stack: LayerStack, platform: Platform, onUnpack?: OnUnpack): Promise<Tree> {
    const chain = await this.unpack(stack, platform, onUnpack)
    await this.prepareMachine()
    const { rootfs } = await this.ports.snapshots.view(chain, `${this.owner}/view`)
    const tree = new DirectoryTree(rootfs, { digests: this.#transient, xattrs: readAttributes, whiteouts: true })
    this.#trees.push(tree)
    return tree
  }

  async #exportedView(stack: LayerStack, platform: Platform): Promise<Tree> {
    const name = `view-${this.#views.size}`
    const spool = join(await this.scratchDirectory(`${this.owner}/${name}`, name), 'files')
    const tree = await exportedTree(stack, this.ports, { platform, spool, signal: this.options.signal })
    this.#trees.push(tree)
    return tree
  }
}

/** Opens the files of a stack. */
type OpenView = (stack: LayerStack, platform: Platform, onUnpack?: OnUnpack) => Promise<Tree>
