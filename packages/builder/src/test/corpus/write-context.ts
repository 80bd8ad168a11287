import { execFileSync } from 'node:child_process'
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { setAttribute } from '@gantry/linux'
import { type TarHeader, type TarInput, writeTar } from '@gantry/tar'
import type { ContextFile, CorpusCase } from './parse-cases.ts'

/** Values that stand in a case for what is only known when it runs. */
export type Placeholders = Readonly<Record<string, string>>

/** Writes a case's context into an empty directory. Every mode is said, whatever the umask. */
export async function writeContext(directory: string, { files }: CorpusCase, values: Placeholders = {}): Promise<void> {
  for (const file of files) await writeOne(directory, file, values)
  // Modes last: a directory may be closed to those who write into it.
  for (const { path, kind, mode } of files) {
    if (kind !== 'symlink' && kind !== 'hardlink' && mode !== undefined) chmodSync(join(directory, path), mode)
  }
}

async function writeOne(root: string, file: ContextFile, values: Placeholders): Promise<void> {
  const path = join(root, file.path)
  makeDirectory(root, dirname(file.path))
  switch (file.kind) {
    case 'directory':
      makeDirectory(root, file.path)
      break
    case 'symlink':
      symlinkSync(file.content, path)
      return
    case 'hardlink':
      linkSync(join(root, file.content), path)
      return
    case 'fifo':
      execFileSync('mkfifo', ['-m', '644', path])
      break
    case 'tar': {
      const tar = await archive(file.content)
      writeFileSync(path, file.path.endsWith('gz') ? gzipSync(tar) : tar)
      chmodSync(path, 0o644)
      break
    }
    case 'file':
      writeFileSync(path, fill(file.content, values))
      chmodSync(path, 0o644)
  }
  for (const attribute of file.xattrs) {
    // cap_net_raw, permitted and effective, as setcap writes it.
    if (attribute === 'capability') setAttribute(path, 'security.capability', capability)
    else {
      const [name = '', value = ''] = attribute.split('=')
      setAttribute(path, name, Buffer.from(value))
    }
  }
}

const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex')

function makeDirectory(root: string, path: string): void {
  let at = root
  for (const element of path.split('/')) {
    if (element === '' || element === '.') continue
    at = join(at, element)
    mkdirSync(at, { recursive: true })
    chmodSync(at, 0o755)
  }
}

/** Puts values in the place of `{{name}}`. */
export function fill(text: string, values: Placeholders): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name] ?? whole)
}

/** An archive out of lines: `path mode uid:gid [-> target | = other] content`. */
async function archive(lines: string): Promise<Buffer> {
  const entries = lines
    .trim()
    .split('\n')
    .map((line) => entryOf(line))
  return Buffer.concat(await Array.fromAsync(writeTar(entries)))
}

function entryOf(line: string): TarInput {
  const [path = '', mode = '', owner = '', ...rest] = line.split(' ')
  const [uid = 0, gid = 0] = owner.split(':').map(Number)
  const [sign = '', linkPath = ''] = rest
  const type: TarHeader['type'] =
    sign === '->' ? 'symlink' : sign === '=' ? 'hardlink' : path.endsWith('/') ? 'directory' : 'file'
  const body = type === 'file' ? Buffer.from(rest.join(' ')) : Buffer.alloc(0)
  const isLink = type === 'symlink' || type === 'hardlink'
  const base = {
    path: path.replace(/(.)\/$/, '$1'),
    type,
    mode: Number.parseInt(mode, 8),
    uid,
    gid,
    size: body.length,
    mtime: 1e9,
  }
  return { header: { ...base, ...(isLink ? { linkPath } : {}) }, ...(type === 'file' ? { body: [body] } : {}) }
}
