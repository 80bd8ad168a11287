import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { BaseError } from '../base-error.ts'
import type { DeclaredFile } from './base-file.ts'
import type { BaseRoot } from './base-root.ts'
import type { Accounts } from './effects/accounts.ts'

/** A file, directory or link of this machine that goes into an image. */
export interface FoundFile {
  readonly declared: DeclaredFile
  /** Where it goes, without a slash before it. */
  readonly path: string
  readonly from: string
  readonly type: 'file' | 'directory' | 'symlink'
  readonly size: number
  readonly isExecutable: boolean
  readonly target?: string
  /** SHA-256 of the bytes of a file. */
  readonly digest?: string
}

/** Finds the declared files, below a directory, sorted. @throws BaseError DECLARATION_INVALID when something is not there */
export async function findFiles(files: readonly DeclaredFile[], directory: string): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = []
  const visit = async (declared: DeclaredFile, from: string, path: string): Promise<void> => {
    const stat = await lstat(from).catch((cause: unknown) => {
      throw new BaseError(
        'DECLARATION_INVALID',
        `Cannot copy "${declared.from}" into the image: "${from}" is not there`,
        { cause },
      )
    })
    const part = { declared, from, path, isExecutable: (stat.mode & 0o111) !== 0 }
    if (stat.isDirectory()) {
      found.push({ ...part, type: 'directory', size: 0 })
      for (const name of (await readdir(from)).toSorted()) await visit(declared, join(from, name), `${path}/${name}`)
    } else if (stat.isSymbolicLink()) {
      found.push({ ...part, type: 'symlink', size: 0, target: await readlink(from) })
    } else if (stat.isFile()) {
      found.push({ ...part, type: 'file', size: stat.size, digest: await digestOf(from) })
    } else {
      throw new BaseError(
        'DECLARATION_INVALID',
        `Cannot copy "${from}" into the image: it is no file, directory or link`,
      )
    }
  }
  for (const declared of files)
    await visit(declared, join(directory, declared.from), declared.to.replaceAll(/^\/+|\/+$/g, ''))
  return found
}

/** Puts found files into an image, all of one time. @throws BaseError DECLARATION_INVALID when an owner is unknown */
export function copyFiles(root: BaseRoot, files: readonly FoundFile[], accounts: Accounts): void {
  for (const { declared, path, from, type, size, isExecutable, target } of files) {
    const ids = accounts.find(declared.owner)
    if (ids === undefined) {
      throw new BaseError(
        'DECLARATION_INVALID',
        `Cannot copy "${declared.from}" into the image: it has no user "${declared.owner}"`,
      )
    }
    if (path === '') continue
    const executable = type === 'directory' || isExecutable
    const mode =
      type === 'symlink' ? 0o777 : ((type === 'file' ? declared.mode : undefined) ?? (executable ? 0o755 : 0o644))
    const there = root.tree.get(path)?.header.type
    if (type === 'directory' && (there === 'directory' || there === 'symlink')) continue
    root.tree.put({
      header: {
        path,
        type,
        mode,
        ...ids,
        size,
        mtime: root.epoch,
        ...(target === undefined ? {} : { linkPath: target }),
      },
      ...(type === 'file' ? { content: { file: from } } : {}),
      owner: '/files',
    })
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array)
  return hash.digest('hex')
}
