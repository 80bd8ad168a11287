import { hash, randomUUID } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type FileLock, lockFile } from '@gantry/linux'
import { currentHolder, isHolderAlive } from '@gantry/store'

/** A directory for a cache mount, while a RUN uses it. */
export interface HeldCache extends Disposable {
  readonly path: string
  /** It is empty, and nobody but the holder gets it before `filled` was called or this was disposed of. */
  readonly isNew: boolean
  /** Its first files are in place: others may have it. Who goes without having said so leaves it new for the next. */
  filled(): void
}

/** A cache mount on disk. */
export interface CacheDirectory {
  readonly id: string
  readonly namespace: string
  /** Its directory of files. */
  readonly path: string
  /** When it was last used, in milliseconds. */
  readonly used: number
}

/** How a directory is asked for. */
export interface AcquireOptions {
  readonly namespace: string
  readonly signal: AbortSignal
}

const pollMilliseconds = 50

/**
 * The directories of `RUN --mount=type=cache`, under `<root>/build-caches`: one for each id, or several where one must not be shared.
 *
 *   <name>/about.json  the id and its namespace
 *   <name>/filling     until its first files are in place
 *   <name>/fill-lock   held (flock) by who puts them there
 *   <name>/data        what is mounted
 *   <name>/lock        held (flock) by who must have it alone, and by who removes it
 *   <name>/use-*       one for each that shares it, with its process
 *   <name>.gone        being removed
 */
export class CacheMounts {
  readonly #directory: string

  constructor(root: string) {
    this.#directory = join(root, 'build-caches')
  }

  /** Gives a directory out: to everybody who asks (`shared`), to one after the other (`locked`), or to each another one (`private`). */
  async acquire(
    mount: { readonly id: string; readonly sharing: 'shared' | 'locked' | 'private' },
    { namespace, signal }: AcquireOptions,
  ): Promise<HeldCache> {
    for (let variant = 0; ;) {
      signal.throwIfAborted()
      const directory = this.#make(mount.id, namespace, variant)
      const hold = mount.sharing === 'shared' ? shareDirectory(directory) : lockFile(join(directory, 'lock'))
      if (hold !== undefined) return fillable(directory, { hold, signal })
      if (mount.sharing === 'private') variant += 1
      else if (mount.sharing === 'locked') await sleep(pollMilliseconds, undefined, { signal })
    }
  }

  /** All directories, the longest unused first. */
  list(): readonly CacheDirectory[] {
    return this.#names()
      .flatMap((name) => this.#describe(name) ?? [])
      .toSorted((a, b) => a.used - b.used)
  }

  /** Removes a directory that nobody holds; false when somebody does. */
  remove({ path }: Pick<CacheDirectory, 'path'>): boolean {
    const directory = dirname(path)
    const lock: FileLock | undefined = lockFile(join(directory, 'lock'))
    if (lock === undefined) return false
    try {
      if (isInUse(directory)) return false
      const aside = `${directory}.gone`
      rmSync(aside, { recursive: true, force: true })
      renameSync(directory, aside)
      // Who began to use it in between marked it before it was moved.
      if (isInUse(aside) && !existsSync(directory)) {
        renameSync(aside, directory)
        return false
      }
      rmSync(aside, { recursive: true, force: true })
      return true
    } finally {
      lock[Symbol.dispose]()
    }
  }

  #make(id: string, namespace: string, variant: number): string {
    const name = hash('sha256', JSON.stringify([namespace, id, variant]), 'hex').slice(0, 32)
    const directory = join(this.#directory, name)
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    if (!existsSync(join(directory, 'data'))) {
      writeFileSync(join(directory, 'about.json'), JSON.stringify({ id, namespace }))
      writeFileSync(join(directory, 'filling'), '')
      mkdirSync(join(directory, 'data'), { recursive: true })
    }
    const now = new Date()
    utimesSync(directory, now, now)
    return directory
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#directory).filter((name) => !name.includes('.'))
    } catch {
      return []
    }
  }

  #describe(name: string): CacheDirectory | undefined {
    const directory = join(this.#directory, name)
    try {
      const about = JSON.parse(readFileSync(join(directory, 'about.json'), 'utf8')) as {
        id?: unknown
        namespace?: unknown
      }
      const used = statSync(directory).mtimeMs
      return { id: String(about.id), namespace: String(about.namespace), path: join(directory, 'data'), used }
    } catch {
      return undefined
    }
  }
}

/** A directory that is held, once it is known who fills it: the holder, or nobody any more. */
async function fillable(
  directory: string,
  { hold, signal }: { readonly hold: Disposable; readonly signal: AbortSignal },
): Promise<HeldCache> {
  using stack = new DisposableStack()
  stack.use(hold)
  const path = join(directory, 'data')
  const mark = join(directory, 'filling')
  let lock: FileLock | undefined
  while (existsSync(mark) && lock === undefined) {
    lock = lockFile(join(directory, 'fill-lock'))
    if (lock === undefined) await sleep(pollMilliseconds, undefined, { signal })
  }
  const release = (): void => {
    lock?.[Symbol.dispose]()
    lock = undefined
  }
  stack.defer(release)
  // Between the look and the lock another may have done it. What has files is not filled again.
  const isNew = lock !== undefined && existsSync(mark) && readdirSync(path).length === 0
  const filled = (): void => {
    if (lock === undefined) return
    rmSync(mark, { force: true })
    release()
  }
  if (isNew) removeHalves(directory)
  else filled()
  const all = stack.move()
  return { path, isNew, filled, [Symbol.dispose]: () => all[Symbol.dispose]() }
}

/** Removes what those left who were killed while they filled it. */
function removeHalves(directory: string): void {
  const halves = readdirSync(directory).filter((name) => name.startsWith('data.'))
  for (const name of halves) rmSync(join(directory, name), { recursive: true, force: true })
}

/** Leaves a mark that a directory is in use; undefined when it is gone meanwhile. */
function shareDirectory(directory: string): Disposable | undefined {
  const path = join(directory, `use-${currentHolder()}-${randomUUID()}`)
  try {
    writeFileSync(path, '', { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return existsSync(path) ? { [Symbol.dispose]: () => rmSync(path, { force: true }) } : undefined
}

/** Whether a process that lives has marked the directory. */
function isInUse(directory: string): boolean {
  return readdirSync(directory).some((name) => {
    const holder = /^use-(.+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.exec(name)?.[1]
    return holder !== undefined && isHolderAlive(holder)
  })
}
