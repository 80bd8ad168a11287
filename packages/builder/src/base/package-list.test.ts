import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { debTimestamp } from './deb-file.ts'
import { formatPackageList, readDpkgStatus } from './package-list.ts'
import { publicAddress } from './repository.ts'

test('readDpkgStatus lists what is installed and leaves out what was removed', () => {
  const status = [
    'Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2\nDescription: a shell\n Version: 9 in a text',
    'Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1',
    'Package: apt\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2.6\n',
  ].join('\n\n')
  assert.deepEqual(readDpkgStatus(status), [
    { name: 'bash', version: '5.2', architecture: 'amd64' },
    { name: 'apt', version: '1:2.6', architecture: 'amd64' },
  ])
})

test('formatPackageList is the same for the same packages in any order, is JSON, and has no secrets', () => {
  const packages = [
    { name: 'b', version: '2', architecture: 'all' },
    { name: 'a', version: '1', architecture: 'amd64' },
  ]
  const from = [{ uri: 'https://me:secret@mirror.example/debian', suite: 'bookworm', components: ['main'] }]
  const text = formatPackageList(packages, from)
  assert.equal(text, formatPackageList(packages.toReversed(), from))
  assert.deepEqual(JSON.parse(text), {
    sources: ['https://mirror.example/debian bookworm main'],
    packages: packages.toReversed(),
  })
})

test('publicAddress leaves addresses without a user as they are', () => {
  assert.equal(publicAddress('http://mirror.example/a@b'), 'http://mirror.example/a@b')
})

test('debTimestamp reads the time of the first member, and refuses what is no package', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-deb-'))
  try {
    const path = join(directory, 'a.deb')
    await writeFile(path, '!<arch>\ndebian-binary   1778185982  0     0     100644  4         `\n2.0\n')
    assert.equal(await debTimestamp(path), 1_778_185_982)
    await writeFile(path, 'something else')
    await assert.rejects(debTimestamp(path), { code: 'PACKAGES_UNAVAILABLE' })
  } finally {
    await rm(directory, { recursive: true })
  }
})
