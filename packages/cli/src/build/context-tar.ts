import type { TarInput } from '@gantry/tar'
import type { IgnoreMatcher } from '@gantry/dockerfile'
import type { Dirent, Stats } from 'node:fs'
import { parseIgnoreFile } from '@gantry/dockerfile'
import { writeTar } from '@gantry/tar'
import { createReadStream } from 'node:fs'
import { lstat, readFile, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'

/** A directory as the tar that the daemon builds from: what `.dockerignore` excludes is left out, but never the Dockerfile. */
export function contextTar(directory: string, dockerfile: string): AsyncIterable<Uint8Array> {
  return writeTar(entries(directory, dockerfile))
}

async function* entries(directory: string, dockerfile: string): AsyncGenerator<TarInput, void, undefined> {
  const text = await firstText([join(directory, `${dockerfile}.dockerignore`), join(directory, '.dockerignore')])
  const ignore = text === undefined ? undefined : parseIgnoreFile(text)
  yield* below(
    directory,
    '',
    (path) => path === dockerfile || path === '.dockerignore' || ignore?.ignores(path) !== true,
    ignore,
  )
}

async function* below(
  root: string,
  folder: string,
  wanted: (path: string) => boolean,
  ignore: IgnoreMatcher | undefined,
): AsyncGenerator<TarInput, void, undefined> {
  const children = (await readdir(join(root, folder), { withFileTypes: true })).toSorted((a: Dirent, b: Dirent) =>
    a.name < b.name ? -1 : 1,
  )
  for (const child of children) {
    const path = folder === '' ? child.name : `${folder}/${child.name}`
    const isWanted = wanted(path)
    if (child.isDirectory()) {
      if (isWanted) yield { header: header(path, 'directory', await lstat(join(root, path))), body: [] }
      // An exception (`!a/b`) may lie in a directory that is left out.
      if (isWanted || ignore?.mayReinclude(path) === true) yield* below(root, path, wanted, ignore)
      continue
    }
    if (!isWanted) continue
    const state = await lstat(join(root, path))
    if (state.isSymbolicLink())
      yield { header: { ...header(path, 'symlink', state), linkPath: await readlink(join(root, path)) }, body: [] }
    else if (state.isFile()) {
      const body =
        state.size === 0 ? [] : createReadStream(join(root, path), { end: state.size - 1, highWaterMark: 1 << 20 })
      yield { header: { ...header(path, 'file', state), size: state.size }, body }
    }
  }
}

function header(path: string, type: 'directory' | 'file' | 'symlink', state: Stats): TarInput['header'] {
  return { path, type, mode: state.mode & 0o7777, uid: 0, gid: 0, size: 0, mtime: Math.floor(state.mtimeMs / 1000) }
}

async function firstText(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text !== undefined) return text
  }
  return undefined
}
