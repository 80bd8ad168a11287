import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Script } from 'node:vm'

/** Where compiled code is kept, and what it is compiled from. */
export interface KeptCode {
  readonly directory: string
  /** Tells this text from every other: V8 itself compares no more than lengths. */
  readonly digest: string
  /** What is run of it: each keeps the functions that it has used. */
  readonly use: string
}

/**
 * A script with the functions compiled that its last run of the same use has called. Node's own compile cache is filled when a file
 * has just been loaded, and holds none of those that are compiled when they are called. What cannot be read or does not fit this
 * Node is compiled as ever.
 * @returns the script, and how to keep its code, which never throws
 */
export function scriptOf(
  source: string,
  { filename, importModuleDynamically, kept }: { filename: string; importModuleDynamically: number; kept: KeptCode },
): { readonly script: Script; readonly keep: () => void } {
  const path = join(kept.directory, `${kept.digest}-${kept.use}`)
  const cachedData = read(path)
  const script = new Script(source, {
    filename,
    importModuleDynamically,
    ...(cachedData === undefined ? {} : { cachedData }),
  })
  return {
    script,
    keep: () => {
      if (cachedData === undefined || script.cachedDataRejected === true) write(path, script.createCachedData(), kept)
    },
  }
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}

function write(path: string, data: Buffer, { digest }: KeptCode): void {
  const directory = dirname(path)
  const temporary = `${path}.${String(process.pid)}`
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    writeFileSync(temporary, data, { mode: 0o600 })
    renameSync(temporary, path)
    // What another program has left, whole or half-written.
    for (const name of readdirSync(directory))
      if (!name.startsWith(digest)) rmSync(join(directory, name), { force: true })
  } catch {
    // Nowhere to keep it: the next run compiles again.
  }
}
