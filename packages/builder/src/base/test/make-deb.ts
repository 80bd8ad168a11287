import { createHash } from 'node:crypto'
import { writeTar, type TarHeader, type TarInput } from '@gantry/tar'
import { gzipSync } from 'node:zlib'
import type { LockedPackage } from '../declared/base-lock.ts'

/** What a package of a test is made of; paths with a slash at the end are directories. */
export interface DebParts {
  readonly name: string
  readonly version?: string
  readonly architecture?: string
  /** More lines of the control paragraph. */
  readonly control?: string
  /** Texts of files, or headers of other things. */
  readonly files?: Readonly<Record<string, string | Uint8Array | Partial<TarHeader>>>
  readonly scripts?: Readonly<Record<string, string>>
  /** Seconds since 1970. */
  readonly time?: number
}

/** A package, with how a lock names it. */
export interface MadeDeb {
  readonly bytes: Uint8Array
  readonly locked: LockedPackage
}

/** Makes a Debian package. */
export async function makeDeb(parts: DebParts): Promise<MadeDeb> {
  const { name, version = '1.0', architecture = 'amd64', time = 1_700_000_000 } = parts
  const paragraph = `Package: ${name}\nVersion: ${version}\nArchitecture: ${architecture}\nMaintainer: Nobody <nobody@example.org>\n${parts.control ?? ''}Description: a package\n`
  const files = parts.files ?? {}
  const control = await tarOf({ control: paragraph, ...parts.scripts }, time)
  const data = gzipSync(await tarOf(files, time))
  const bytes = ar(
    [
      ['debian-binary', Buffer.from('2.0\n')],
      ['control.tar', control],
      ['data.tar.gz', data],
    ],
    time,
  )
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const filename = `pool/main/${name}_${version}_${architecture}.deb`
  return { bytes, locked: { name, version, architecture, filename, suite: 'test', size: bytes.length, sha256 } }
}

/** An ar archive. */
export function ar(members: readonly (readonly [name: string, content: Uint8Array])[], time = 0): Uint8Array {
  const parts = members.flatMap(([name, content]) => [
    Buffer.from(
      `${name.padEnd(16)}${String(time).padEnd(12)}0     0     100644  ${String(content.length).padEnd(10)}\`\n`,
    ),
    content,
    Buffer.from(content.length % 2 === 1 ? '\n' : ''),
  ])
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts])
}

async function tarOf(files: NonNullable<DebParts['files']>, mtime: number): Promise<Uint8Array> {
  const entries = Object.entries(files).map(([path, what]): TarInput => {
    const plain: TarHeader = { path: `./${path}`, type: 'file', mode: 0o644, uid: 0, gid: 0, size: 0, mtime }
    if (path.endsWith('/')) return { header: { ...plain, type: 'directory', mode: 0o755 } }
    if (typeof what !== 'string' && !(what instanceof Uint8Array)) return { header: { ...plain, ...what } }
    const body = typeof what === 'string' ? Buffer.from(what) : what
    return { header: { ...plain, size: body.length }, body: [body] }
  })
  return Buffer.concat(await Array.fromAsync(writeTar(entries), (chunk) => chunk.slice()))
}
