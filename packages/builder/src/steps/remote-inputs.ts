import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { GitSource } from '@gantry/dockerfile'
import { digestHex } from '@gantry/oci'
import { BuildError } from '../build-error.ts'
import type { BuildSession } from '../build-session.ts'
import { DirectoryTree } from '../files/directory-tree.ts'
import { transientDigests } from '../files/file-digests.ts'
import type { FileNode, Tree } from '../files/node.ts'
import { selectPath } from '../layer/copy-sources.ts'
import { parseExcludes, without } from '../layer/exclude.ts'
import type { AddOptions, CopyStep } from '../plan/planned-step.ts'
import { download, type Download } from '../remote/download.ts'
import { checkOut, resolveCommit } from '../remote/git.ts'
import { gitMaterial } from '../remote/open-context.ts'
import { type CopyInput, digestsOf, openArchive } from './copy-inputs.ts'

/** Looks at what an ADD takes from elsewhere: files are downloaded, branches are resolved to commits. */
export async function readRemoteInputs(session: BuildSession, step: CopyStep): Promise<readonly CopyInput[]> {
  const { add } = step
  const inputs: CopyInput[] = []
  for (const source of add === undefined ? [] : step.sources) {
    if (source.kind === 'http') inputs.push(await httpInput(session, step, source.url))
    if (source.kind === 'git') inputs.push(await gitInput(session, step, source.git))
  }
  return inputs
}

async function httpInput(session: BuildSession, step: CopyStep, url: string): Promise<CopyInput> {
  const { signal, epoch } = session.options
  const { store } = session.ports
  const { checksum, unpack } = step.add!
  const found = await download(url, session.ports, { checksum, signal })
  session.options.keep(found.digest)
  session.addMaterial({ uri: url, digest: { sha256: digestHex(found.digest) } })
  const mayUnpack = unpack === 'all'
  if (found.name === '' && step.destination.endsWith('/') && !mayUnpack) {
    throw new BuildError('ARGUMENT_INVALID', `Cannot name the file of "${url}": the address does not end in a name`, {
      hint: 'give the whole path as the destination',
    })
  }
  return {
    field: ['http', mayUnpack, found.digest, found.size, found.name],
    async open(place) {
      const { size, name, digest } = found
      const path = store.path(digest)
      const archive = mayUnpack
        ? await openArchive(session, () => createReadStream(path), { name: url, size }, place)
        : undefined
      if (archive !== undefined) return archive
      const node: FileNode = { type: 'file', mode: 0o600, uid: 0, gid: 0, size, mtime: epoch.seconds }
      return {
        tree: oneFile(path, found, node),
        sources: [{ name, path: name, node, children: [] }],
        digests: new Map([[node, digestHex(digest)]]),
        keeps: false,
      }
    },
  }
}

/** A tree of one file, which lies in the store. */
function oneFile(path: string, { name, digest }: Download, node: FileNode): Tree {
  return {
    lstat: (asked) => (asked === name ? node : undefined),
    list: (directory) => (directory === '' ? [name] : []),
    readSmall: () => readFile(path),
    open: () => createReadStream(path, { highWaterMark: 1 << 20 }),
    digest: async () => digestHex(digest),
  }
}

async function gitInput(session: BuildSession, step: CopyStep, source: GitSource): Promise<CopyInput> {
  const { signal } = session.options
  const { checksum } = step.add!
  const keepGitDir = keepsGitDir(step.add!, source)
  const commit = await resolveCommit({ ...source, checksum: checksum ?? source.checksum }, signal)
  session.addMaterial(gitMaterial(source, commit.id))
  return {
    field: ['git', source.remote, commit.id, source.subdir, keepGitDir, source.submodules],
    async open(place) {
      const directory = await place.spool()
      await checkOut({ source, commit, directory, keepGitDir, signal })
      const tree = new DirectoryTree(directory, { digests: transientDigests(session.ports.codec) })
      place.defer({
        [Symbol.asyncDispose]: async () => {
          tree[Symbol.dispose]()
        },
      })
      const excludes = parseExcludes(step.excludes)
      const found = without(selectPath(tree, source.subdir ?? '', `"${source.remote}"`), excludes)
      const sources = found === undefined ? [] : [found]
      return { tree, sources, digests: await digestsOf(session, tree, sources), keeps: false }
    },
  }
}

function keepsGitDir(add: AddOptions, source: GitSource): boolean {
  return source.keepGitDir ?? add.keepGitDir
}
