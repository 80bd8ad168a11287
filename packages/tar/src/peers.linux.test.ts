import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { lstat, link, mkdir, open, readFile, readlink, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { runTool, temporaryDirectory, toolsMissing } from '@gantry/testing'
import { readTar } from './read-tar.ts'
import { writeTar, type TarInput } from './write-tar.ts'

const skip = toolsMissing('tar') ?? false
const mib = 1024 * 1024
const longName = `${'directory/'.repeat(20)}${'n'.repeat(90)}`

/** Files of the kinds that archives differ in; the sparse one has data at its ends and between two holes. */
async function makeTree(root: string): Promise<void> {
  await mkdir(join(root, dirname(longName)), { recursive: true })
  await writeFile(join(root, longName), 'long')
  await writeFile(join(root, 'small'), 'hello\n', { mode: 0o640 })
  await writeFile(join(root, 'empty'), '')
  await writeFile(join(root, 'árvíztűrő'), 'utf-8')
  await link(join(root, 'small'), join(root, 'zz-hard'))
  await symlink(longName, join(root, 'soft'))
  await writeFile(join(root, 'sparse'), 'begin')
  const file = await open(join(root, 'sparse'), 'r+')
  await file.write('middle', 3 * mib)
  await file.close()
  await truncate(join(root, 'sparse'), 5 * mib)
  await utimes(join(root, 'small'), 1_600_000_000, 1_600_000_000.25)
}

const formats: readonly (readonly [rule: string, args: readonly string[]])[] = [
  ['gnu', ['--format=gnu']],
  ['gnu, sparse', ['--format=gnu', '-S']],
  ['posix', ['--format=posix']],
  ['posix, sparse 0.0', ['--format=posix', '-S', '--sparse-version=0.0']],
  ['posix, sparse 0.1', ['--format=posix', '-S', '--sparse-version=0.1']],
  ['posix, sparse 1.0', ['--format=posix', '-S', '--sparse-version=1.0']],
  ['posix, a global header', ['--format=posix', '--pax-option=globexthdr.name=g,comment=all']],
  ['ustar, what fits', ['--format=ustar', '--exclude=directory', '--exclude=soft']],
]

for (const [rule, args] of formats) {
  test(`an archive of GNU tar is read as GNU tar unpacks it: ${rule}`, { skip }, async () => {
    await using directory = await temporaryDirectory()
    const tree = join(directory.path, 'tree')
    await makeTree(tree)
    const archive = join(directory.path, 'archive.tar')
    await runTool('tar', ['-cf', archive, '--sort=name', ...args, '-C', tree, '.'])
    const paths: string[] = []
    for await (const { header, body } of readTar(createReadStream(archive, { highWaterMark: 70_001 }))) {
      const content = Buffer.concat(await Array.fromAsync(body, (chunk) => Buffer.from(chunk)))
      const original = join(tree, header.path)
      const stat = await lstat(original)
      paths.push(header.path)
      assert.equal(header.mode, stat.mode & 0o7777, header.path)
      assert.equal(header.uid, stat.uid)
      assert.equal(Math.floor(header.mtime), Math.floor(stat.mtimeMs / 1000))
      if (header.type === 'file') assert.ok(content.equals(await readFile(original)), header.path)
      if (header.type === 'symlink') assert.equal(header.linkPath, await readlink(original))
      if (header.type === 'hardlink') assert.equal(header.linkPath, './small')
      if (header.path === './small' && rule.startsWith('posix')) assert.equal(header.mtime, 1_600_000_000.25)
      if (header.path === './sparse') assert.equal(header.sparse !== undefined, rule.includes('sparse'))
    }
    const listed = execFileSync('tar', ['-tf', archive, '--quoting-style=literal'], { encoding: 'utf8' })
    assert.deepEqual(
      paths,
      listed
        .trimEnd()
        .split('\n')
        .map((path) => path.replace(/(?<=.)\/$/, '')),
    )
  })
}

test('an archive of ours is unpacked by GNU tar', { skip }, async () => {
  await using directory = await temporaryDirectory()
  const uid = process.getuid?.() ?? 0
  const common = { mode: 0o640, uid, gid: process.getgid?.() ?? 0, size: 0, mtime: 1_500_000_000 } as const
  const body = [Buffer.from('hello')]
  const entries: TarInput[] = [
    { header: { ...common, path: 'd', type: 'directory', mode: 0o1750 } },
    { header: { ...common, path: 'd/f', type: 'file', size: 5 }, body },
    { header: { ...common, path: longName, type: 'file', size: 5, mtime: 1_500_000_000.5 }, body },
    { header: { ...common, path: 'd/ő', type: 'file', size: 5, xattrs: { 'user.a': Buffer.from('value') } }, body },
    { header: { ...common, path: 'hard', type: 'hardlink', linkPath: 'd/f' } },
    { header: { ...common, path: 'soft', type: 'symlink', mode: 0o777, linkPath: longName } },
    { header: { ...common, path: 'fifo', type: 'fifo' } },
  ]
  const archive = join(directory.path, 'archive.tar')
  await writeFile(archive, writeTar(entries, { subsecond: true }))
  await runTool('tar', ['-xpf', archive, '--warning=all', '-C', directory.path])
  for (const { header } of entries) {
    const stat = await lstat(join(directory.path, header.path))
    if (header.type !== 'symlink') assert.equal(stat.mode & 0o7777, header.mode, header.path)
    if (header.type !== 'directory') assert.equal(stat.mtimeMs / 1000, header.mtime, header.path)
    if (header.type === 'file') assert.equal(await readFile(join(directory.path, header.path), 'utf8'), 'hello')
  }
  assert.equal((await lstat(join(directory.path, 'hard'))).ino, (await lstat(join(directory.path, 'd/f'))).ino)
  assert.equal(await readlink(join(directory.path, 'soft')), longName)
  assert.ok((await lstat(join(directory.path, 'fifo'))).isFIFO())
  const listed = await runTool('tar', ['--xattrs', '-tvvf', archive])
  assert.match(listed, /x: 5 user\.a|user\.a/)
})
