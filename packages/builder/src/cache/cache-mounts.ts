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
  /** It was made just now and is empty. */
  readonly isNew: boolean
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
      const made = this.#make(mount.id, namespace, variant)
      if (mount.sharing === 'shared') {
        const mark = markInUse(made.directory)
        if (mark !== undefined) return { ...made, [Symbol.dispose]: () => rmSync(mark, { force: true }) }
        continue
      }
      const lock = lockFile(join(made.directory, 'lock'))
      if (lock !== undefined) return { ...made, [Symbol.dispose]: () => lock[Symbol.dispose]() }
      if (mount.sharing === 'private') variant += 1
      else await sleep(pollMilliseconds, undefined, { signal })
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

  #make(id: string, namespace: string, variant: number): { directory: string; path: string; isNew: boolean } {
    const name = hash('sha256', JSON.stringify([namespace, id, variant]), 'hex').slice(0, 32)
    const directory = join(this.#directory, name)
    const path = join(directory, 'data')
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    let isNew = true
    try {
      mkdirSync(path)
      writeFileSync(join(directory, 'about.json'), JSON.stringify({ id, namespace }))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      isNew = false
    }
    const now = new Date()
    utimesSync(directory, now, now)
    return { directory, path, isNew }
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

/** Leaves a mark that a directory is in use; undefined when it is gone meanwhile. */
function markInUse(directory: string): string | undefined {
  const path = join(directory, `use-${currentHolder()}-${randomUUID()}`)
  try {
    writeFileSync(path, '', { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return existsSync(path) ? path : undefined
}

/** Whether a process that lives has marked the directory. */
function isInUse(directory: string): boolean {
  return readdirSync(directory).some((name) => {
    const holder = /^use-(.+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.exec(name)?.[1]
    return holder !== undefined && isHolderAlive(holder)
  })
}
