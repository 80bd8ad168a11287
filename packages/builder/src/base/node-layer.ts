import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { normalizeEntryPath, readTar, type TarInput } from '@gantry/tar'
import { ancestorsOf } from '../files/resolve-path.ts'
import type { EntryMaker } from './layer-entry.ts'
import type { NodeHeader } from './node-headers.ts'

/** What goes into the layer that makes a Debian image one of Node. */
export interface NodeLayerParts {
  /** The program: the Node that runs this. */
  readonly program: string
  /** Its headers, in their order. */
  readonly headers: readonly NodeHeader[]
  /** npm's package, uncompressed. */
  readonly npm: AsyncIterable<Uint8Array>
  /** Texts of `etc/passwd`, `etc/group`, `etc/shadow` and `etc/gshadow` of the image below, as far as it has them. */
  readonly accounts: ReadonlyMap<string, string>
  /** The list of what this layer adds. */
  readonly list: string
}

/** Where that list lies. */
export const nodeListPath = 'usr/share/gantry/node.json'

/** The files of the image below that the layer adds an account to, and the line it adds: the user that services run as. */
export const accountLines: Readonly<Record<string, string>> = {
  'etc/passwd': 'node:x:1000:1000::/home/node:/bin/bash\n',
  'etc/group': 'node:x:1000:\n',
  'etc/shadow': 'node:!:::::::\n',
  'etc/gshadow': 'node:!::\n',
}

/** The layer's entries: every directory on the way is named, so that unpacking it alone gives the right modes. */
export async function* nodeLayer(parts: NodeLayerParts, make: EntryMaker): AsyncGenerator<TarInput> {
  yield make.directory('etc')
  for (const [path, line] of Object.entries(accountLines)) {
    const text = parts.accounts.get(path)
    if (text !== undefined) yield make.file(path, text + line, path.endsWith('shadow') ? { mode: 0o640, gid: 42 } : {})
  }
  yield make.directory('home')
  yield make.directory('home/node', { uid: 1000, gid: 1000 })
  for (const path of ['usr', 'usr/local', 'usr/local/bin', 'usr/local/lib', 'usr/local/lib/node_modules'])
    yield make.directory(path)
  const { size } = await stat(parts.program)
  yield make.stream('usr/local/bin/node', size, createReadStream(parts.program, { highWaterMark: 1024 * 1024 }), {
    mode: 0o755,
  })
  yield make.symlink('usr/local/bin/npm', '../lib/node_modules/npm/bin/npm-cli.js')
  yield make.symlink('usr/local/bin/npx', '../lib/node_modules/npm/bin/npx-cli.js')
  yield* npmEntries(parts.npm, make)
  yield* headerEntries(parts.headers, make)
  for (const path of ['usr/share', 'usr/share/gantry']) yield make.directory(path)
  yield make.file(nodeListPath, parts.list)
}

// npm's packages have files only; the directories above each are made when the first file of them comes.
async function* npmEntries(npm: AsyncIterable<Uint8Array>, make: EntryMaker): AsyncGenerator<TarInput> {
  const made = new Set<string>(['usr/local/lib/node_modules'])
  for await (const { header, body } of readTar(npm)) {
    const path = normalizeEntryPath(header.path)
    if (header.type !== 'file' || !path.startsWith('package/')) continue
    const target = `usr/local/lib/node_modules/npm/${path.slice('package/'.length)}`
    for (
      let at = target.indexOf('/', 'usr/local/lib/node_modules/'.length);
      at !== -1;
      at = target.indexOf('/', at + 1)
    ) {
      const directory = target.slice(0, at)
      if (!made.has(directory)) yield make.directory(directory)
      made.add(directory)
    }
    const mode = (header.mode & 0o111) !== 0 || /\/bin\/np[mx]-cli\.js$/.test(target) ? 0o755 : 0o644
    yield make.stream(target, header.size, body, { mode })
  }
}

async function* headerEntries(headers: readonly NodeHeader[], make: EntryMaker): AsyncGenerator<TarInput> {
  const made = new Set<string>(['usr/local'])
  for (const { path, source } of headers) {
    const target = `usr/local/include/node/${path}`
    for (const directory of ancestorsOf(target)) {
      if (!made.has(directory) && directory.startsWith('usr/local/')) yield make.directory(directory)
      made.add(directory)
    }
    const { size } = await stat(source)
    yield make.stream(target, size, createReadStream(source))
  }
}
