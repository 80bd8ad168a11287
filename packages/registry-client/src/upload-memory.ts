import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lockFile } from '@gantry/linux/lock-file'
import type { Digest } from '@gantry/oci'

/** Which upload is meant. */
export interface UploadKey {
  readonly registry: string
  readonly repository: string
  readonly digest: Digest
}

/** An upload that this process alone goes on with until it disposes of it. */
export interface RememberedUpload extends Disposable {
  /** Where the registry has it, when it was begun before. */
  readonly location: string | undefined
  /** Remembers where the registry has it now. */
  moved(location: string): void
  /** Forgets it: it is finished, or it cannot be gone on with. */
  forget(): void
}

/** Remembers uploads that are under way, for the process that comes after one that was killed. */
export interface UploadMemory {
  /** Takes an upload up. `undefined`: another process pushes the same blob to the same place right now. */
  open(key: UploadKey): RememberedUpload | undefined
}

/** Registries give abandoned uploads up after a while; Docker's own after a week, others after a day. */
const age = 24 * 3_600_000

/** Remembers nothing. */
export const noUploadMemory: UploadMemory = {
  open: () => ({
    location: undefined,
    moved: () => undefined,
    forget: () => undefined,
    [Symbol.dispose]: () => undefined,
  }),
}

/**
 * Remembers uploads in files of a directory, which is made when it is needed. They are readable by this user alone, since a
 * location may let whoever has it write. What is older than a day is forgotten.
 */
export function uploadMemory(directory: string): UploadMemory {
  let swept = false
  return {
    open({ registry, repository, digest }) {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      if (!swept) sweep(directory)
      swept = true
      const name = createHash('sha256').update(`${registry}\n${repository}\n${digest}`).digest('hex')
      const path = join(directory, `${name}.json`)
      const lock = lockFile(join(directory, `${name}.lock`))
      if (lock === undefined) return undefined
      return {
        location: read(path),
        moved(location) {
          writeFileSync(`${path}.new`, JSON.stringify({ location, at: Date.now() }), { mode: 0o600 })
          renameSync(`${path}.new`, path)
        },
        forget: () => rmSync(path, { force: true }),
        [Symbol.dispose]() {
          // Of an upload that is over nothing stays. A lock that goes while another waits for it costs that one nothing.
          if (read(path) === undefined) rmSync(join(directory, `${name}.lock`), { force: true })
          lock[Symbol.dispose]()
        },
      }
    },
  }
}

function read(path: string): string | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof value !== 'object' || value === null) return undefined
    const location: unknown = Reflect.get(value, 'location')
    const at: unknown = Reflect.get(value, 'at')
    const isYoung = typeof at === 'number' && Math.abs(Date.now() - at) < age
    return typeof location === 'string' && isYoung ? location : undefined
  } catch {
    // Not there, or torn: then the upload begins again.
    return undefined
  }
}

function sweep(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (!/^[0-9a-f]{64}\.(?:json|lock|json\.new)$/.test(name)) continue
    const path = join(directory, name)
    const found = statSync(path, { throwIfNoEntry: false })
    if (found !== undefined && found.mtimeMs < Date.now() - age) rmSync(path, { force: true })
  }
}
