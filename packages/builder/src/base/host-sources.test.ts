import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { readDistribution } from './distribution.ts'
import { readHostSources, type HostSourceOptions } from './read-host-sources.ts'

const debian = 'ID=debian\nVERSION_CODENAME=bookworm\n'
const ubuntu = 'ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME="noble"\n'

async function read(files: Readonly<Record<string, string>>, options: HostSourceOptions = {}): Promise<string[]> {
  const root = await mkdtemp(join(tmpdir(), 'gantry-sources-'))
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), text)
    }
    const { distribution, repositories } = await readHostSources({ ...options, root })
    return [
      `${distribution.id} ${distribution.codename}`,
      ...repositories.map(({ uri, suite, components, signedBy }) =>
        [uri, suite, ...components, ...(signedBy === undefined ? [] : [`by ${signedBy.join(',')}`])].join(' '),
      ),
    ]
  } finally {
    await rm(root, { recursive: true })
  }
}

describe('readHostSources', () => {
  test('takes the release, its updates and its security updates from deb822 files', async () => {
    const sources = [
      'Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates bookworm-backports\nComponents: main non-free',
      'Types: deb\nURIs: http://mirror.example/security\nSuites: bookworm-security\nComponents: main',
    ].join('\n\n')
    assert.deepEqual(await read({ 'etc/os-release': debian, 'etc/apt/sources.list.d/debian.sources': sources }), [
      'debian bookworm',
      'http://mirror.example/debian bookworm main',
      'http://mirror.example/debian bookworm-updates main',
      'http://mirror.example/security bookworm-security main',
    ])
  })

  test('leaves third-party repositories out, whatever they call their suite', async () => {
    const list = [
      'deb http://mirror.example/debian stable main',
      'deb [signed-by=/usr/share/keyrings/vendor.gpg] http://vendor.example/apt bookworm main',
      'deb http://vendor.example/linux bookworm stable',
      'deb http://vendor.example/pg bookworm-pgdg main',
      'deb http://vendor.example/node nodistro main',
    ].join('\n')
    assert.deepEqual(await read({ 'etc/os-release': debian, 'etc/apt/sources.list': list }), [
      'debian bookworm',
      'http://mirror.example/debian stable main',
    ])
  })

  test('reads one-line files of Ubuntu, with universe', async () => {
    const list = 'deb http://mirror.example/ubuntu noble main restricted universe multiverse\n'
    assert.deepEqual(await read({ 'etc/os-release': ubuntu, 'etc/apt/sources.list.d/a.list': list }), [
      'ubuntu noble',
      'http://mirror.example/ubuntu noble main universe',
    ])
  })

  test('replaces a list of mirrors by its first address', async () => {
    const files = {
      'etc/os-release': debian,
      'etc/apt/mirrors/debian.list': '# near\nhttps://near.example/debian\nhttps://far.example/debian\n',
      'etc/apt/sources.list': 'deb mirror+file:/etc/apt/mirrors/debian.list bookworm main\n',
    }
    assert.deepEqual(await read(files), ['debian bookworm', 'https://near.example/debian bookworm main'])
  })

  test('a mirror replaces what the host has, signed by the archive key of the host', async () => {
    const files = {
      'etc/os-release': debian,
      'usr/share/keyrings/debian-archive-keyring.gpg': '',
      'etc/apt/sources.list': 'deb http://mirror.example/debian bookworm main\n',
    }
    assert.deepEqual(await read(files, { mirror: 'http://other.example/debian', suite: 'trixie' }), [
      'debian trixie',
      'http://other.example/debian trixie main by /usr/share/keyrings/debian-archive-keyring.gpg',
    ])
  })

  test('a host without a repository of its release asks for a mirror', async () => {
    await assert.rejects(read({ 'etc/os-release': debian }), { code: 'MIRROR_MISSING' })
  })
})

describe('readDistribution', () => {
  const rows: readonly [what: string, text: string, expected: string][] = [
    ['Debian', 'ID=debian\nVERSION_CODENAME=trixie', 'debian trixie'],
    ['Debian without a release yet', 'ID=debian', 'debian sid'],
    ['Ubuntu', ubuntu, 'ubuntu noble'],
    ['a derivative of Ubuntu', 'ID=linuxmint\nVERSION_CODENAME=wilma\nUBUNTU_CODENAME=noble', 'ubuntu noble'],
  ]
  for (const [what, text, expected] of rows) {
    test(`knows ${what}`, () => {
      const { id, codename } = readDistribution(text)
      assert.equal(`${id} ${codename}`, expected)
    })
  }

  test('asks for a mirror anywhere else', () => {
    assert.throws(() => readDistribution('ID=fedora'), { code: 'MIRROR_MISSING' })
  })
})
