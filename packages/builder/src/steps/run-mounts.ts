import { chmodSync, chownSync, cpSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Mount } from '@gantry/dockerfile'
import type { Platform } from '@gantry/oci'
import type { MountSpec, ResolvedUser } from '@gantry/runtime'
import { BuildError } from '../build-error.ts'
import type { BuildSession } from '../build-session.ts'
import { CacheMounts } from '../cache/cache-mounts.ts'
import type { KeyField } from '../cache/key.ts'
import { DirectoryTree } from '../files/directory-tree.ts'
import { resolvePath } from '../files/resolve-path.ts'
import { chainOf, type LayerStack } from '../image/layer-stack.ts'
import type { PlannedMount, RunStep } from '../plan/planned-step.ts'
import { contextInput, contextStack } from './context-stack.ts'
import { fillBeside, importMount } from './fill-cache.ts'
import { openAgent } from './ssh-agent.ts'

/** What a mount takes its files from: the layers of a stage or an image. */
export interface MountFiles {
  readonly stack: LayerStack
  readonly platform: Platform
}

/** What the mounts of one RUN are made on. */
export interface RunMountsOptions {
  readonly session: BuildSession
  readonly step: RunStep
  /** Unique within the build. */
  readonly id: number
  readonly owner: string
  readonly platform: Platform
  /** The layers that mounts take their files from; not those that take them from a context. */
  readonly files: ReadonlyMap<PlannedMount, MountFiles>
}

/** Everything of the mounts that may change what a RUN makes. What secrets hold is not in it, nor what caches hold. */
export async function mountFields(options: Omit<RunMountsOptions, 'id' | 'owner'>): Promise<KeyField> {
  const fields: KeyField[] = []
  for (const planned of options.step.mounts) {
    const { mount } = planned
    const from = options.files.get(planned)
    const below: KeyField = from === undefined ? undefined : ['chain', chainOf(from.stack)]
    switch (mount.type) {
      case 'bind': {
        const context = contextOf(planned)
        const files = below ?? ['files', (await contextInput(options.session, context, mount.source)).field]
        fields.push(['bind', mount.target, mount.readonly, mount.source, files])
        break
      }
      case 'cache':
        fields.push([
          'cache',
          mount.target,
          mount.id,
          mount.source,
          mount.readonly,
          mount.sharing,
          ...owned(mount),
          below,
        ])
        break
      case 'tmpfs':
        fields.push(['tmpfs', mount.target, mount.readonly, mount.size])
        break
      case 'secret':
        fields.push(['secret', mount.id, mount.target, mount.env, mount.required, ...owned(mount)])
        break
      case 'ssh':
        fields.push(['ssh', mount.id, mount.target, mount.required, ...owned(mount)])
    }
  }
  return fields
}

/** Where the files of a context are in the layer that is made of them. */
const contextData = 'data'

/** The name of the context that a mount takes its files from. */
function contextOf({ source }: PlannedMount): string {
  return source?.kind === 'context' ? source.name : ''
}

function owned({ mode, uid, gid }: Pick<Mount & { type: 'cache' }, 'mode' | 'uid' | 'gid'>): KeyField[] {
  return [mode, uid, gid]
}

/** What a RUN's container gets for its mounts. Dispose of it when the container has ended. */
export class RunMounts implements AsyncDisposable {
  readonly specs: MountSpec[] = []
  readonly env: string[] = []
  /** What must not be seen in what the step prints. */
  readonly secrets: Uint8Array[] = []
  /** Places that the runtime makes so that it can mount there. */
  readonly points: { readonly path: string; readonly type: 'file' | 'directory' }[] = []
  readonly #options: RunMountsOptions
  readonly #closing: (() => Promise<void> | void)[] = []
  #names = 0

  private constructor(options: RunMountsOptions) {
    this.#options = options
  }

  /** @throws BuildError SECRET_MISSING, SOURCE_UNKNOWN, SOURCE_UNREADABLE */
  static async open(options: RunMountsOptions, directory: string, user: ResolvedUser): Promise<RunMounts> {
    const mounts = new RunMounts(options)
    try {
      for (const planned of options.step.mounts) await mounts.#add(planned, directory, user)
      return mounts
    } catch (error) {
      await mounts[Symbol.asyncDispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing.toReversed()) await close()
    this.#closing.length = 0
  }

  async #add(planned: PlannedMount, directory: string, user: ResolvedUser): Promise<void> {
    const { mount } = planned
    switch (mount.type) {
      case 'bind':
        return this.#bind(await this.#files(planned, mount), mount.target, mount.readonly)
      case 'cache':
        return this.#cache(planned, mount)
      case 'tmpfs': {
        const options = [
          'nosuid',
          'nodev',
          ...(mount.readonly ? ['ro'] : []),
          ...(mount.size === undefined ? [] : [`size=${mount.size}`]),
        ]
        this.specs.push({ destination: mount.target, type: 'tmpfs', source: 'tmpfs', options })
        this.points.push({ path: mount.target, type: 'directory' })
        return undefined
      }
      case 'secret':
        return this.#secret(mount, directory)
      case 'ssh':
        return this.#agent(mount, directory, user)
    }
  }

  #bind(source: string, target: string, readonly: boolean): void {
    const options = ['rbind', readonly ? 'ro' : 'rw', 'rprivate', ...(readonly ? ['nosuid', 'nodev'] : [])]
    this.specs.push({ destination: target, type: 'bind', source, options })
    this.points.push({ path: target, type: lstatSync(source).isDirectory() ? 'directory' : 'file' })
  }

  /** A place with the files of a bind mount. What a container writes to it is thrown away with the snapshot. */
  async #files(planned: PlannedMount, mount: Extract<Mount, { type: 'bind' | 'cache' }>): Promise<string> {
    const { session, owner, platform, id } = this.#options
    const from = this.#options.files.get(planned)
    const isContext = from === undefined
    const stack =
      from?.stack ??
      (await contextStack(session, { name: contextOf(planned), source: mount.source, at: `/${contextData}` }))
    const chain = await session.unpack(stack, from?.platform ?? platform)
    const { snapshots } = session.ports
    let rootfs: string
    if (mount.readonly || mount.type === 'cache')
      ({ rootfs } = await snapshots.view(chain, `${owner}/mount/${this.#names++}`))
    else {
      const key = `build-${session.id}-${id}-mount-${this.#names++}`
      this.#closing.push(() => snapshots.remove(key))
      ;({ rootfs } = await snapshots.prepare(key, chain, owner, { volatile: true }))
    }
    const inside = isContext ? contextData : mount.source
    using tree = new DirectoryTree(rootfs)
    const path = resolvePath(tree, inside, { followLast: true })
    if (tree.lstat(path) === undefined) {
      throw new BuildError(
        'SOURCE_UNKNOWN',
        `Cannot mount "${mount.source}": it is not in "${planned.from ?? 'the build context'}"`,
      )
    }
    return join(rootfs, path)
  }

  async #cache(planned: PlannedMount, mount: Extract<Mount, { type: 'cache' }>): Promise<void> {
    const { session } = this.#options
    const hasSeed = planned.source !== undefined
    const caches = new CacheMounts(session.ports.site.root)
    const held = await caches.acquire(mount, {
      namespace: session.options.cacheNamespace,
      signal: session.options.signal,
    })
    this.#closing.push(() => held[Symbol.dispose]())
    if (held.isNew) {
      const isFilled = await importMount(session, mount.id, held.path)
      if (hasSeed && !isFilled) {
        const seed = await this.#files(planned, { ...mount, readonly: true })
        await fillBeside(session, held.path, (beside) =>
          cpSync(seed, beside, { recursive: true, verbatimSymlinks: true }),
        )
      }
      chmodSync(held.path, mount.mode ?? 0o755)
      chownSync(held.path, mount.uid ?? 0, mount.gid ?? 0)
      held.filled()
    }
    this.#bindCache(mount, held.path, hasSeed)
  }

  #bindCache(mount: Extract<Mount, { type: 'cache' }>, directory: string, hasSeed: boolean): void {
    const isPart = mount.source !== '/' && !hasSeed
    const path = isPart ? join(directory, resolveWithin(directory, mount.source)) : directory
    if (isPart) mkdirSync(path, { recursive: true })
    this.#bind(path, mount.target, mount.readonly)
  }

  #secret(mount: Extract<Mount, { type: 'secret' }>, directory: string): void {
    const content = readSecret(this.#options.session, mount)
    if (content === undefined) return
    this.secrets.push(content)
    if (mount.env !== undefined) this.env.push(`${mount.env}=${new TextDecoder().decode(content)}`)
    if (mount.target === undefined) return
    const path = join(directory, `secret-${this.#names++}`)
    writeFileSync(path, content, { mode: 0o600, flag: 'wx' })
    chownSync(path, mount.uid ?? 0, mount.gid ?? 0)
    chmodSync(path, mount.mode ?? 0o400)
    this.#bind(path, mount.target, true)
  }

  async #agent(mount: Extract<Mount, { type: 'ssh' }>, directory: string, user: ResolvedUser): Promise<void> {
    const { session, owner } = this.#options
    const given = session.options.ssh[mount.id]
    if (given === undefined) {
      if (!mount.required) return
      throw new BuildError('SECRET_MISSING', `Cannot mount the SSH agent "${mount.id}": it was not given`, {
        hint: `give it with --ssh ${mount.id}`,
      })
    }
    const number = this.#names++
    const agent = await openAgent(given, join(directory, `agent-${number}`), {
      uid: mount.uid ?? user.uid,
      gid: mount.gid ?? user.gid,
      mode: mount.mode ?? 0o600,
      ledger: session.ports.ledger,
      owner,
      signal: session.options.signal,
    })
    this.#closing.push(async () => agent[Symbol.asyncDispose]())
    const target = mount.target ?? `/run/buildkit/ssh_agent.${number}`
    this.#bind(agent.socket, target, false)
    if (!this.env.some((entry) => entry.startsWith('SSH_AUTH_SOCK='))) this.env.push(`SSH_AUTH_SOCK=${target}`)
  }
}

function resolveWithin(root: string, path: string): string {
  using tree = new DirectoryTree(root)
  return resolvePath(tree, path, { followLast: true })
}

const largestSecret = 500 * 1024

function readSecret(session: BuildSession, mount: Extract<Mount, { type: 'secret' }>): Uint8Array | undefined {
  const given = session.options.secrets[mount.id]
  if (given === undefined) {
    if (!mount.required) return undefined
    throw new BuildError('SECRET_MISSING', `Cannot mount the secret "${mount.id}": it was not given`, {
      hint: `give it with --secret id=${mount.id},src=FILE or --secret id=${mount.id},env=NAME`,
    })
  }
  const content = 'path' in given ? readFile(mount.id, given.path) : given.value
  if (content.length <= largestSecret) return content
  throw new BuildError('SOURCE_UNREADABLE', `Cannot mount the secret "${mount.id}": it has more than 500 KiB`)
}

function readFile(id: string, path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new BuildError('SOURCE_UNREADABLE', `Cannot read the secret "${id}": ${message}`, { cause })
  }
}
