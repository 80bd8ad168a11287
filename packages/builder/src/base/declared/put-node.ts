import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type { Codec } from '@gantry/image'
import { normalizeEntryPath, readTar } from '@gantry/tar'
import { BaseError } from '../base-error.ts'
import { integrityOf } from '../npm-release.ts'
import type { LockedNode } from './base-lock.ts'
import { fetchNode, nodeFile, type LockOptions } from './lock-base.ts'
import type { UnpackedRoot } from './unpack-packages.ts'

const places: Readonly<Record<string, string>> = {
  'package/bin/node': 'usr/local/bin/node',
  'package/LICENSE': 'usr/local/share/doc/node/LICENSE',
}

/** Puts Node's program, from npm's package that the lock names, into an image. @throws BaseError NPM_UNAVAILABLE, TOOL_MISSING */
export async function putNode(
  root: UnpackedRoot,
  node: LockedNode,
  {
    directory,
    signal,
    codec,
  }: Pick<LockOptions, 'directory' | 'signal'> & { readonly codec: Pick<Codec, 'decompress'> },
): Promise<void> {
  const path = join(directory, nodeFile(node.package, node.version))
  if ((await integrityOf(path)) !== node.integrity) await fetchNode(node, { directory, ...(signal && { signal }) })
  const found = await integrityOf(path)
  const wrong = (what: string): BaseError =>
    new BaseError('NPM_UNAVAILABLE', `Cannot use ${node.package} ${node.version} as the registry sent it: ${what}`)
  if (found !== node.integrity) throw wrong(`its checksum is ${found ?? 'none'}, the lock has ${node.integrity}`)
  const body = codec.decompress('gzip', createReadStream(path, { highWaterMark: 1 << 20 }))
  for await (const entry of readTar(body)) {
    const target = places[normalizeEntryPath(entry.header.path)]
    if (target === undefined || entry.header.type !== 'file') continue
    const { content, size } = await root.keep(entry.body)
    const mode = target.includes('/bin/') ? 0o755 : 0o644
    root.tree.put({
      header: { path: target, type: 'file', mode, uid: 0, gid: 0, size, mtime: root.epoch },
      content,
      owner: '/node',
    })
  }
  if (!root.tree.has('usr/local/bin/node')) throw wrong('it has no program')
}
