import { readFile, stat } from 'node:fs/promises'

/** How a file that may change is read. */
export interface WatchedFileOptions<T> {
  readonly path: string
  readonly parse: (text: string) => T
  /** Told once of each new state of the file that cannot be used; what was read before stays in force. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** How long it is taken to be unchanged without a look, in milliseconds. Default: 1000. */
  readonly interval?: number
  /** Bytes. Default: 16 MiB. */
  readonly limit?: number
}

type Settings<T> = Required<Omit<WatchedFileOptions<T>, 'onError'>> & Pick<WatchedFileOptions<T>, 'onError'>

/** A file that is read again when it has changed, by whoever asks for it. */
export class WatchedFile<T> {
  readonly #options: Settings<T>
  #value: T
  #seen: string
  #next: number
  #looking: Promise<void> | undefined

  private constructor(options: Settings<T>, first: { readonly value: T; readonly seen: string }) {
    this.#options = options
    this.#value = first.value
    this.#seen = first.seen
    this.#next = performance.now() + options.interval
  }

  /** Reads it for the first time; rejects with what `node:fs` or `parse` throws. */
  static async open<T>(options: WatchedFileOptions<T>): Promise<WatchedFile<T>> {
    const all = { interval: 1000, limit: 16 * 1024 * 1024, onError: undefined, ...options }
    const seen = await stateOf(all.path)
    return new WatchedFile(all, { value: await read(all), seen })
  }

  /** What stands in it now; or, when that cannot be used, what stood in it last. */
  async current(): Promise<T> {
    if (performance.now() >= this.#next) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined
        this.#next = performance.now() + this.#options.interval
      })
      await this.#looking
    }
    return this.#value
  }

  async #look(): Promise<void> {
    try {
      const seen = await stateOf(this.#options.path).catch((error: unknown) => {
        if (this.#seen === 'gone') return 'gone'
        this.#seen = 'gone'
        throw error
      })
      if (seen === this.#seen) return
      this.#seen = seen
      this.#value = await read(this.#options)
    } catch (error) {
      this.#options.onError?.(error)
    }
  }
}

/** What changes when the file does, also when it is replaced by another of the same length in the same second. */
async function stateOf(path: string): Promise<string> {
  const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
  return [ino, size, mtimeNs, ctimeNs].join(':')
}

async function read<T>({
  path,
  parse,
  limit,
}: {
  path: string
  parse: (text: string) => T
  limit: number
}): Promise<T> {
  const { size } = await stat(path)
  if (size > limit) throw new RangeError(`${JSON.stringify(path)} has ${size} bytes, more than ${limit}`)
  return parse(await readFile(path, 'utf8'))
}
