import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { openState, type State } from '@gantry/state'
import { testCodec } from '@gantry/testing'
import { builderMigrations } from '../builder-migrations.ts'
import { DirectoryTree } from './directory-tree.ts'
import { createFileDigests } from './file-digests.ts'
import { volumeOf } from './volume.ts'

const folder = mkdtempSync(join(tmpdir(), 'gantry-digests-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function run(program: string, ...words: readonly string[]): string {
  return execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

/** Why there is no ext4 in a file to mount; false when there is. */
function withoutImages(): string | false {
  if (process.getuid?.() !== 0) return 'needs root'
  try {
    run('mkfs.ext4', '-V')
    run('losetup', '-f')
    return false
  } catch (error) {
    return `needs mkfs.ext4 and a free loop device: ${String(error)}`
  }
}

describe('digests that are remembered', { concurrency: false }, () => {
  /** What a session finds of a file, and whether it knew that before. */
  async function look(state: State, directory: string): Promise<readonly [digest: string, known: boolean]> {
    const digests = createFileDigests(state, testCodec())
    using tree = new DirectoryTree(directory, { digests })
    const found = tree.digest('f', tree.lstat('f')!)
    const digest = await found
    digests.flush()
    return [digest, typeof found === 'string']
  }

  /** Until what changed last can be told from what changes now. */
  async function settle(path: string): Promise<void> {
    while (Date.now() - lstatSync(path).ctimeMs < 200) await new Promise((resolve) => setTimeout(resolve, 50))
  }

  test('are those of one file system: another with the same device, numbers and times has its own', async () => {
    using state = openState(join(folder, 'numbers.db'), [builderMigrations])
    const node = { type: 'file', mode: 0, uid: 0, gid: 0, size: 1, mtime: 1 } as const
    const ask = (volume: number, content: string): string | Promise<string> => {
      const digests = createFileDigests(state, testCodec())
      const identity = { volume, dev: 1, ino: 1, mtimeMs: 1, ctimeMs: 1 }
      const found = digests.of(node, identity, async function* () {
        yield Buffer.from(content)
      })
      return typeof found === 'string' ? found : found.finally(() => digests.flush())
    }
    const first = await ask(1, 'a')
    assert.equal(ask(1, 'never read'), first)
    assert.notEqual(await ask(2 ** 52 - 1, 'b'), first)
    assert.equal(ask(1, 'never read'), first)
  })

  test('of very many files do not all wait in memory for the end of the build', async () => {
    using state = openState(join(folder, 'many.db'), [builderMigrations])
    const digests = createFileDigests(state, testCodec())
    const node = { type: 'file', mode: 0, uid: 0, gid: 0, size: 1, mtime: 1 } as const
    for (let ino = 1; ino <= 10_000; ino++) {
      await digests.of(node, { volume: 1, dev: 1, ino, mtimeMs: 1, ctimeMs: 1 }, async function* () {
        yield Buffer.from('a')
      })
    }
    const written = (): unknown => state.prepare('SELECT count(*) AS count FROM builder_files').get()?.['count']
    assert.notEqual(written(), 0)
    digests.flush()
    assert.equal(written(), 10_000)
  })

  test('are those of files that tell when they change', async (context) => {
    const directory = join(folder, 'plain')
    mkdirSync(directory)
    const path = join(directory, 'f')
    writeFileSync(path, 'AAAA')
    const descriptor = openSync(path, 'r')
    const volume = volumeOf(descriptor, lstatSync(path).dev)
    closeSync(descriptor)
    if (volume === undefined) return context.skip('temporary files are on a file system of which nothing is remembered')
    await settle(path)
    using state = openState(join(folder, 'plain.db'), [builderMigrations])
    const [digest, known] = await look(state, directory)
    assert.equal(known, false)
    assert.deepEqual(await look(state, directory), [digest, true])
  })

  test(
    'are not those of an image: the next on its device may be equal in all but content',
    { skip: withoutImages() },
    async () => {
      const content = join(folder, 'content')
      const image = join(folder, 'image')
      const mounted = join(folder, 'mounted')
      for (const directory of [content, mounted]) mkdirSync(directory)
      writeFileSync(join(content, 'f'), 'AAAA, and no other file holds this')
      writeFileSync(image, '')
      run('mkfs.ext4', '-q', '-F', '-d', content, image, '4M')
      const device = run('losetup', '-f', '--show', image)
      using state = openState(join(folder, 'image.db'), [builderMigrations])
      const lookMounted = async (): Promise<readonly [string, boolean]> => {
        run('mount', device, mounted)
        try {
          await settle(join(mounted, 'f'))
          return await look(state, mounted)
        } finally {
          run('umount', mounted)
        }
      }
      try {
        const [first] = await lookMounted()
        const at = readFileSync(device).indexOf('AAAA, and')
        assert.notEqual(at, -1)
        const descriptor = openSync(device, 'r+')
        writeSync(descriptor, 'EVIL', at)
        fsyncSync(descriptor)
        closeSync(descriptor)
        const [second, known] = await lookMounted()
        assert.notEqual(second, first)
        assert.equal(known, false)
      } finally {
        run('losetup', '-d', device)
      }
    },
  )
})
