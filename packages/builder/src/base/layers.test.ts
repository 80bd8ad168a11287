import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readTar, writeTar, type TarHeader, type TarInput } from '@gantry/tar'
import { appletEntries, busyboxFiles } from './busybox-layer.ts'
import { debianLayer, isDropped } from './debian-layer.ts'
import { entryMaker } from './layer-entry.ts'
import { findNodeHeaders } from './node-headers.ts'
import { nodeLayer } from './node-layer.ts'

interface Read {
  readonly header: TarHeader
  readonly text: string
}

async function read(entries: AsyncIterable<TarInput> | Iterable<TarInput>): Promise<Map<string, Read>> {
  const found = new Map<string, Read>()
  for await (const { header, body } of readTar(writeTar(entries))) {
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(Buffer.from(chunk))
    assert.ok(!found.has(header.path), `${header.path} is there once`)
    found.set(header.path, { header, text: Buffer.concat(chunks).toString() })
  }
  return found
}

const make = entryMaker(1000)
const sources = {
  distribution: { id: 'debian', codename: 'bookworm' },
  repositories: [{ uri: 'http://u:p@mirror.example/debian', suite: 'bookworm', components: ['main'] }],
} as const

describe('isDropped', () => {
  const rows: readonly [path: string, dropped: boolean][] = [
    ['dev', false],
    ['dev/null', true],
    ['etc/hostname', true],
    ['etc/hostname.d', false],
    ['etc/passwd', false],
    ['etc/passwd-', true],
    ['etc/apt/apt.conf.d/99mmdebstrap', true],
    ['etc/apt/apt.conf.d/70debconf', false],
    ['etc/apt/sources.list.d', false],
    ['etc/apt/sources.list.d/0000.list', true],
    ['usr/share/doc/bash', false],
    ['usr/share/doc/bash/copyright', false],
    ['usr/share/doc/bash/changelog.gz', true],
    ['usr/share/doc/bash/examples/copyright', true],
    ['usr/share/man', false],
    ['usr/share/man/man1', true],
    ['usr/share/locale/de/x.mo', true],
    ['usr/share/local-thing', false],
    ['var/cache/apt/archives/partial', false],
    ['var/cache/apt/archives/bash_5.deb', true],
    ['var/lib/apt/lists/partial', false],
    ['var/lib/dpkg/status', false],
    ['var/lib/dpkg/status-old', true],
    ['var/lib/dpkg/info/bash.list', false],
    ['var/log/dpkg.log', true],
  ]
  for (const [path, expected] of rows) {
    test(`${path} ${expected ? 'stays out' : 'is kept'}`, () => assert.equal(isDropped(path, 'file'), expected))
  }
  test('directories of logs are kept', () => assert.equal(isDropped('var/log/apt', 'directory'), false))
})

describe('debianLayer', () => {
  const root = (host: string, now: number): AsyncIterable<Uint8Array> => {
    const at = entryMaker(now)
    const status = 'Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2\n'
    return writeTar([
      at.directory('./'),
      at.directory('./etc'),
      at.file('./etc/hostname', host),
      at.file('./etc/issue', 'Debian', { mode: 0o600 }),
      make.file('./etc/old', 'x'),
      { header: { ...at.symlink('./etc/link', '').header, type: 'hardlink', linkPath: './etc/issue' } },
      at.file('./var/lib/dpkg/status', status),
    ])
  }

  test('is the same on another host at another hour', async () => {
    const bytes = async (host: string, now: number): Promise<string> => {
      const chunks: Uint8Array[] = []
      for await (const chunk of writeTar(debianLayer(root(host, now), { sources, epoch: 2000 }))) chunks.push(chunk)
      return Buffer.concat(chunks).toString('base64')
    }
    assert.equal(await bytes('one', 5000.25), await bytes('two', 9000.75))
  })

  test('keeps modes and older times, and names paths from the root', async () => {
    const found = await read(debianLayer(root('one', 5000), { sources, epoch: 2000 }))
    assert.equal(found.has('.'), false)
    assert.equal(found.get('etc/issue')?.header.mode, 0o600)
    assert.equal(found.get('etc/issue')?.header.mtime, 2000)
    assert.equal(found.get('etc/old')?.header.mtime, 1000)
    assert.equal(found.get('etc/link')?.header.linkPath, 'etc/issue')
  })

  test('adds package sources without secrets and the list of packages', async () => {
    const found = await read(debianLayer(root('one', 5000), { sources, epoch: 2000 }))
    assert.match(
      found.get('etc/apt/sources.list.d/debian.sources')?.text ?? '',
      /URIs: http:\/\/mirror.example\/debian\n/,
    )
    assert.match(found.get('usr/share/gantry/packages.json')?.text ?? '', /"bash"/)
    assert.equal(found.get('usr/sbin/policy-rc.d')?.header.mode, 0o755)
  })
})

describe('busybox layer', () => {
  test('links applets from where they belong, and nothing else', async () => {
    const found = await read(
      appletEntries(['bin/sh', 'usr/bin/env', 'sbin/init', 'bin/busybox', 'linuxrc', '../evil', 'bin/sh', ''], make),
    )
    assert.deepEqual(
      [...found].map(([path, { header }]) => `${path} -> ${header.linkPath ?? ''}`),
      ['bin/sh -> busybox', 'sbin/init -> ../bin/busybox', 'usr/bin/env -> ../../bin/busybox'],
    )
  })

  test('has the directories and accounts that programs expect', async () => {
    const found = await read(busyboxFiles(make))
    assert.equal(found.get('tmp')?.header.mode, 0o1777)
    assert.match(found.get('etc/passwd')?.text ?? '', /^root:x:0:0:root:\/root:\/bin\/sh\n/)
  })
})

test('nodeLayer puts the program, npm with its directories and the account into place', async () => {
  const npm = writeTar([
    make.file('package/bin/npm-cli.js', '#!/usr/bin/env node\n'),
    make.file('package/lib/a/b.js', 'b'),
    make.symlink('package/link', '/etc/passwd'),
    make.file('elsewhere/x', 'x'),
  ])
  const accounts = new Map([['etc/passwd', 'root:x:0:0::/root:/bin/sh\n']])
  const headers = [{ path: 'cppgc/a.h', source: import.meta.filename }]
  const found = await read(nodeLayer({ program: import.meta.filename, headers, npm, accounts, list: '{}' }, make))
  assert.equal(found.get('usr/local/include/node/cppgc')?.header.type, 'directory')
  assert.equal(found.get('usr/local/include/node/cppgc/a.h')?.header.mode, 0o644)
  assert.equal(found.get('usr/local/bin/node')?.header.mode, 0o755)
  assert.equal(found.get('usr/local/lib/node_modules/npm/bin/npm-cli.js')?.header.mode, 0o755)
  assert.equal(found.get('usr/local/lib/node_modules/npm/lib/a')?.header.type, 'directory')
  assert.match(found.get('etc/passwd')?.text ?? '', /\nnode:x:1000:1000:/)
  assert.equal(found.has('etc/group'), false)
  assert.equal(
    [...found.keys()].some((path) => path.includes('elsewhere') || path.endsWith('/link')),
    false,
  )
})

test('headers of Node are those beside it, when they are of its version, without OpenSSL', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-headers-'))
  const include = join(directory, 'include/node')
  mkdirSync(join(include, 'openssl'), { recursive: true })
  const version = [26, 1, 0].map((number, at) => `#define NODE_${['MAJOR', 'MINOR', 'PATCH'][at]!}_VERSION ${number}\n`)
  writeFileSync(join(include, 'node_version.h'), version.join(''))
  writeFileSync(join(include, 'openssl/ssl.h'), '')
  writeFileSync(join(include, 'a.h'), '')
  const program = join(directory, 'bin/node')
  try {
    assert.deepEqual(
      (await findNodeHeaders(program, '26.1.0')).map(({ path }) => path),
      ['a.h', 'node_version.h'],
    )
    assert.deepEqual(await findNodeHeaders(program, '26.1.1'), [])
    assert.deepEqual(await findNodeHeaders('/nonexistent/bin/node', '26.1.0'), [])
  } finally {
    rmSync(directory, { recursive: true })
  }
})
