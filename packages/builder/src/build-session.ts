import type { Dockerfile } from '@gantry/dockerfile'
import { assembleImage } from '@gantry/image'
import { getAttribute, listAttributes, type Owner } from '@gantry/linux'
import type { Descriptor, Digest, Platform } from '@gantry/oci'
import { createStepCache, type StepCache } from './cache/step-cache.ts'
import type { BuildEvent } from './events.ts'
import { ContextTree } from './files/context-tree.ts'
import { DirectoryTree } from './files/directory-tree.ts'
import { createFileDigests, type FileDigests, transientDigests } from './files/file-digests.ts'
import { LayeredRoot } from './files/layered-root.ts'
import { emptyLookup, type Readable, type Tree } from './files/node.ts'
import { indexLayer, type LayerIndex } from './files/tar-index.ts'
import { chainOf, type LayerStack } from './image/layer-stack.ts'
import type { BuildOptions, Epoch } from './options.ts'
import type { BuilderPorts } from './ports.ts'
import type { FilesContext } from './remote/named-contexts.ts'
import type { Workspace } from './workspace.ts'

/** What all steps of one build share. */
export interface SessionOptions {
  readonly dockerfile: Dockerfile
  /** What the build reads from: under the empty name its context, and those that were given by name. */
  readonly contexts: ReadonlyMap<string, FilesContext>
  readonly epoch: Epoch
  readonly noCache: boolean
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly buildArgs: ReadonlyMap<string, string>
  readonly signal: AbortSignal
  readonly secrets: NonNullable<BuildOptions['secrets']>
  readonly ssh: NonNullable<BuildOptions['ssh']>
  /** Keeps the caches of `RUN --mount=type=cache` apart. */
  readonly cacheNamespace: string
  /** What RUNs reach that do not say it themselves. */
  readonly network: NonNullable<BuildOptions['network']>
  readonly addHosts: NonNullable<BuildOptions['addHosts']>
  /** Keeps a blob from being collected until the build has ended. */
  readonly keep: (digest: Digest) => void
  readonly onEvent: (event: BuildEvent) => void
}

/** What a step came to. */
export interface StepOutcome {
  readonly layer: Descriptor
  readonly cached: boolean
}

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
  readonly #workspace: Workspace
  readonly #digests: FileDigests
  readonly #transient: FileDigests
  readonly #indexes = new Map<Digest, Promise<LayerIndex>>()
  readonly #views = new Map<string, Promise<DirectoryTree>>()
  readonly #trees: DirectoryTree[] = []
  readonly #underWay = new Map<string, Promise<StepOutcome>>()
  readonly #contexts = new Map<string, ContextTree>()

  constructor(ports: BuilderPorts, workspace: Workspace, options: SessionOptions) {
    this.ports = ports
    this.#workspace = workspace
    this.options = options
    this.cache = createStepCache(ports.state, (descriptor) => ports.store.has(descriptor))
    this.#digests = createFileDigests(ports.state, ports.codec)
    this.#transient = transientDigests(ports.codec)
  }

  get id(): string {
    return this.#workspace.id
  }

  get owner(): Owner {
    return this.#workspace.owner
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tree of this.#trees) tree[Symbol.dispose]()
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

  /** Does what a key stands for once, however many stages ask for it: those who come later get the same result as cached. */
  async share(key: string, work: () => Promise<StepOutcome>): Promise<StepOutcome> {
    const known = this.#underWay.get(key)
    if (known !== undefined) return { ...(await known), cached: true }
    const outcome = work()
    this.#underWay.set(key, outcome)
    return outcome
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

  #view(stack: LayerStack, platform: Platform, onUnpack?: OnUnpack): Promise<DirectoryTree> {
    const key = chainOf(stack) ?? ''
    const known = this.#views.get(key)
    if (known !== undefined) return known
    const view = this.#openView(stack, platform, onUnpack)
    this.#views.set(key, view)
    return view
  }

  async #openView(stack: LayerStack, platform: Platform, onUnpack?: OnUnpack): Promise<DirectoryTree> {
    const chain = await this.unpack(stack, platform, onUnpack)
    await this.prepareMachine()
    const { rootfs } = await this.ports.snapshots.view(chain, `${this.owner}/view`)
    const tree = new DirectoryTree(rootfs, { digests: this.#transient, xattrs: readAttributes, whiteouts: true })
    this.#trees.push(tree)
    return tree
  }
}

/** The attributes that belong to a file and not to the way it is stored here. */
function readAttributes(path: string | Buffer): Readonly<Record<string, Uint8Array>> | undefined {
  const names = listAttributes(path).filter(
    (name) => name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.')),
  )
  if (names.length === 0) return undefined
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = getAttribute(path, name)
      return value === undefined ? [] : [[name, value]]
    }),
  )
}
