import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createCodec } from '@gantry/codec'
import { collect, openImage } from '@gantry/image'
import { openState } from '@gantry/state'
import { openStore, storeMigrations, type Store } from '@gantry/store'
import { normalizeEntryPath, readTar, type TarHeader } from '@gantry/tar'
import { ar, makeDeb, type DebParts, type MadeDeb } from '../test/make-deb.ts'
import { parseBaseFile } from './base-file.ts'
import { declarationKey, type BaseLock } from './base-lock.ts'
import { buildDeclared, type DeclaredResult } from './build-declared.ts'

const codec = createCodec()
let directory = ''

interface Built {
  readonly result: DeclaredResult
  readonly store: Store
}

/** Builds from packages that lie in the directory of fetched ones, as if they had come from a mirror. */
async function build(
  place: string,
  parts: readonly DebParts[],
  change: object = {},
  damage: (deb: MadeDeb) => Uint8Array = ({ bytes }) => bytes,
): Promise<Built> {
  const root = join(directory, place)
  await mkdir(join(root, 'base/packages'), { recursive: true })
  const debs = await Promise.all(parts.map(makeDeb))
  for (const deb of debs) await writeFile(join(root, 'base/packages', `${deb.locked.sha256}.deb`), damage(deb))
  const sources = [{ url: 'file:///nowhere/mirror', suites: ['test'] }]
  const declaration = { name: 'localhost/made', architectures: ['amd64'], packages: ['none'], sources, ...change }
  const declared = parseBaseFile(JSON.stringify(declaration), 'f')
  const state = openState(join(root, 'state.db'), [storeMigrations])
  const store = await openStore({ root, state, codec })
  const lock: BaseLock = {
    distribution: { id: 'debian', codename: 'test' },
    declaration: declarationKey(declared),
    architectures: Object.fromEntries(
      declared.architectures.map((name) => [name, { packages: debs.map(({ locked }) => locked) }]),
    ),
  }
  const ports = { store, codec, directory: join(root, 'base') }
  return { result: await buildDeclared(declared, lock, { from: join(directory, 'files') }, ports), store }
}

interface Found {
  readonly header: TarHeader
  readonly text: string
  readonly layer: number
}

async function filesOf({ result, store }: Built): Promise<Map<string, Found>> {
  const found = new Map<string, Found>()
  const image = await openImage(store, result.descriptor, { codec })
  for (const [layer, each] of (await image.layers()).entries()) {
    for await (const { header, body } of readTar(await each.openTar())) {
      const path = normalizeEntryPath(header.path)
      const text = Buffer.from((await collect(body, 1e6)) ?? []).toString()
      const earlier = found.get(path)
      if (earlier?.header.type === 'directory')
        assert.deepEqual(header, earlier.header, `${path} is the same in each layer`)
      found.set(path, { header, text, layer })
    }
  }
  return found
}

const base: DebParts = {
  name: 'base-files',
  files: { 'etc/': {}, 'etc/os-release': 'ID=debian\nVERSION_ID="12"\n', 'var/': {}, 'var/run/': {} },
}
const library: DebParts = {
  name: 'libx1',
  version: '1:2.0-1',
  control: 'Source: x (2.0)\nMulti-Arch: same\n',
  files: {
    'lib/': {},
    'lib/libx.so.1': { type: 'symlink', linkPath: 'libx.so.1.0' },
    'lib/libx.so.1.0': 'library',
    'usr/share/doc/libx1/copyright': 'mine',
    'usr/share/doc/libx1/changelog.gz': 'old',
    'usr/share/man/man1/x.1.gz': 'page',
    'etc/x.conf': 'set',
  },
  scripts: {
    conffiles: '/etc/x.conf\n',
    md5sums: 'd41d8cd98f00b204e9800998ecf8427e  etc/x.conf\n',
    postinst: '#!/bin/sh\nset -e\nldconfig\nmake-things --all\n',
  },
}
const program: DebParts = {
  name: 'x',
  files: {
    'bin/': {},
    'bin/x': { mode: 0o755, type: 'symlink', linkPath: '/usr/lib/x/x' },
    'usr/lib/x/x': 'program',
    'usr/lib/x/y': { type: 'hardlink', linkPath: './usr/lib/x/x' },
  },
  scripts: { postinst: '#!/bin/sh\nadduser --system --group --home /var/lib/x x\n' },
}

describe('buildDeclared', () => {
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-declared-'))
    await mkdir(join(directory, 'files/app/sub'), { recursive: true })
    await writeFile(join(directory, 'files/app/run'), '#!/x', { mode: 0o700 })
    await writeFile(join(directory, 'files/app/sub/data'), 'data')
  })
  after(async () => {
    await codec.close()
    rmSync(directory, { recursive: true })
  })

  test('packages, accounts, records and files, with links followed and nothing run', async () => {
    const built = await build('one', [base, library, program], {
      users: [{ name: 'app', uid: 1000 }],
      files: [{ from: 'app', to: '/srv/app', owner: 'app' }],
      user: 'app',
      entrypoint: ['/srv/app/run'],
      env: { A: 'b' },
    })
    const files = await filesOf(built)
    assert.equal(files.get('lib')?.header.linkPath, 'usr/lib')
    assert.equal(files.get('usr/lib/libx.so.1.0')?.text, 'library')
    assert.equal(files.get('usr/bin/x')?.header.type, 'symlink')
    assert.equal(files.get('usr/lib/x/y')?.header.linkPath, 'usr/lib/x/x')
    assert.equal(files.get('var/run')?.header.linkPath, '/run')
    assert.equal(files.has('lib32'), false)
    assert.equal(files.has('usr/share/doc/libx1/changelog.gz'), false)
    assert.equal(files.has('usr/share/man/man1/x.1.gz'), false)
    assert.equal(files.get('usr/share/doc/libx1/copyright')?.text, 'mine')
    assert.match(files.get('etc/passwd')?.text ?? '', /^x:\*:100:100::\/var\/lib\/x:\/usr\/sbin\/nologin$/m)
    assert.equal(files.get('var/lib/x')?.header.uid, 100)
    const run = files.get('srv/app/run')
    assert.deepEqual([run?.header.uid, run?.header.mode], [1000, 0o755])
    assert.equal(files.get('srv/app/sub/data')?.header.mode, 0o644)
    const status = files.get('var/lib/dpkg/status')?.text ?? ''
    assert.match(status, /^Package: libx1\nStatus: install ok installed\nVersion: 1:2\.0-1$/m)
    assert.match(
      status,
      /Conffiles:\n \/etc\/x\.conf 0b1a8c5e8c4a9a9c|Conffiles:\n \/etc\/x\.conf [0-9a-f]{32}\nDescription/,
    )
    assert.match(files.get('var/lib/dpkg/info/libx1:amd64.list')?.text ?? '', /^\/lib\/libx\.so\.1$/m)
    assert.equal(files.has('var/lib/dpkg/info/libx1:amd64.postinst'), false, 'nobody could run it')
    for (const { header } of files.values()) assert.ok(header.mtime <= 1_700_000_000)
    assert.deepEqual(built.result.skipped, [{ package: 'libx1', script: 'postinst', commands: ['make-things --all'] }])
    const { config } = await (await openImage(built.store, built.result.descriptor, { codec })).config()
    assert.equal(config?.User, 'app')
    assert.deepEqual(config.Entrypoint, ['/srv/app/run'])
    assert.ok(config.Env?.includes('A=b'))
  })

  test('equal locks make equal images, whatever the time and the order of files', async () => {
    const change = { files: [{ from: 'app', to: '/app' }], include: { packageManager: true } }
    const one = await build('two', [base, library, program], change)
    await utimes(join(directory, 'files/app/run'), 1, 1)
    const two = await build('three', [program, library, base], change)
    assert.deepEqual([...(await filesOf(two)).keys()], [...(await filesOf(one)).keys()])
    const order = await build('four', [base, library, program], change)
    assert.equal(order.result.digest, one.result.digest)
    await writeFile(join(directory, 'files/app/sub/data'), 'other')
    const other = await build('five', [base, library, program], change)
    assert.notEqual(other.result.digest, one.result.digest)
  })

  test('an image that is there is left as it is, and still says what was not done', async () => {
    const one = await build('six', [base, library])
    const two = await build('six', [base, library])
    assert.equal(one.result.upToDate, false)
    assert.equal(two.result.upToDate, true)
    assert.equal(two.result.digest, one.result.digest)
    assert.deepEqual(two.result.skipped, [{ package: 'libx1', script: 'postinst', commands: [] }])
  })

  test('several architectures make an index', async () => {
    const { result, store } = await build('seven', [base], { architectures: ['amd64', 'arm64'] })
    assert.equal(result.descriptor.mediaType, 'application/vnd.oci.image.index.v1+json')
    for (const architecture of ['amd64', 'arm64']) {
      const image = await openImage(store, result.descriptor, { codec, platform: { os: 'linux', architecture } })
      assert.equal((await image.config()).architecture, architecture)
    }
    const again = await build('seven', [base], { architectures: ['amd64', 'arm64'] })
    assert.equal(again.result.upToDate, true)
  })

  test('an update of one package leaves the layers of the others', async () => {
    const layersOf = async ({ result, store }: Built): Promise<Set<string>> => {
      const image = await openImage(store, result.descriptor, { codec })
      return new Set((await image.manifest()).layers.map(({ digest }) => digest))
    }
    const time = 1_600_000_000
    const one = await layersOf(await build('eight', [base, { ...library, time }, program]))
    const newer = { ...library, time, version: '1:2.0-2', files: { ...library.files, 'lib/libx.so.1.0': 'fixed!!' } }
    const two = await layersOf(await build('nine', [base, newer, program]))
    assert.equal(two.difference(one).size, 2, 'the layer of the package and that of the records')
  })

  const refused: readonly [why: string, code: string, parts: readonly DebParts[], change?: object][] = [
    ['two packages with one file', 'PACKAGES_CONFLICT', [base, { name: 'y', files: { 'etc/os-release': 'mine' } }]],
    ['a file that climbs out', 'PATH_ESCAPES', [base, { name: 'y', files: { '../../etc/passwd': 'x' } }]],
    [
      'links in circles',
      'PACKAGE_INVALID',
      [
        base,
        {
          name: 'y',
          files: { a: { type: 'symlink', linkPath: 'b' }, b: { type: 'symlink', linkPath: 'a' }, 'a/c': 'x' },
        },
      ],
    ],
    ['a file in a file', 'PACKAGES_CONFLICT', [base, { name: 'y', files: { a: 'x', 'a/b': 'y' } }]],
    ['an unknown user', 'DECLARATION_INVALID', [base], { user: 'nobody-knows' }],
    ['a file that is not there', 'DECLARATION_INVALID', [base], { files: [{ from: 'none', to: '/x' }] }],
  ]
  for (const [index, [why, code, parts, change]] of refused.entries()) {
    test(`${why} is refused, and nothing gets the name`, async () => {
      await assert.rejects(build(`refused-${String(index)}`, parts, change), { code })
      const state = openState(join(directory, `refused-${String(index)}`, 'state.db'), [storeMigrations])
      const store = await openStore({ root: join(directory, `refused-${String(index)}`), state, codec })
      assert.equal(await store.resolve('localhost/made:latest'), undefined)
    })
  }

  test('a package that replaces another has its way, in either order', async () => {
    for (const name of ['a', 'y']) {
      const over: DebParts = { name, control: 'Replaces: base-files (<< 2)\n', files: { 'etc/os-release': 'mine' } }
      const files = await filesOf(await build(`replaces-${name}`, [base, over]))
      assert.equal(files.get('etc/os-release')?.text, 'mine')
    }
  })

  test('bytes that are not what the lock says are not used', async () => {
    await assert.rejects(
      build('damaged', [base], {}, ({ bytes }) => Buffer.concat([bytes, Buffer.from('x')])),
      { code: 'PACKAGES_UNAVAILABLE' },
    )
  })

  test('a lock of another declaration is refused', async () => {
    const { store } = await build('stale', [base])
    const declared = parseBaseFile('{"name":"localhost/made","packages":["other"]}', 'f')
    const lock: BaseLock = {
      distribution: { id: 'debian', codename: 'test' },
      declaration: 'sha256:0',
      architectures: {},
    }
    const ports = { store, codec, directory: join(directory, 'stale/base') }
    await assert.rejects(buildDeclared(declared, lock, { from: directory }, ports), { code: 'LOCK_STALE' })
  })
})

test('ar archives that are damaged are refused', async () => {
  const { openDeb } = await import('./read-deb.ts')
  const place = mkdtempSync(join(tmpdir(), 'gantry-ar-'))
  try {
    const { bytes } = await makeDeb({ name: 'aa' })
    const rows: readonly Uint8Array[] = [
      Buffer.from(''),
      Buffer.from('!<arch>\n'),
      Buffer.from('not an archive at all'),
      bytes.subarray(0, bytes.length - 40),
      ar([['debian-binary', Buffer.from('2.0\n')]]),
      ar([
        ['debian-binary', Buffer.from('2.0\n')],
        ['control.tar.what', Buffer.from('x')],
        ['data.tar', Buffer.from('x')],
      ]),
      Buffer.from(Buffer.from(bytes).toString('latin1').replace('`\n', 'xx'), 'latin1'),
      Buffer.from(
        Buffer.from(bytes)
          .toString('latin1')
          .replace(/4 {9}`/, '-1        `'),
        'latin1',
      ),
    ]
    for (const [index, row] of rows.entries()) {
      const path = join(place, String(index))
      await writeFile(path, row)
      await assert.rejects(
        async () => {
          await using deb = await openDeb(path, codec)
          await deb.control()
          for await (const entry of deb.files()) void entry
        },
        { code: 'PACKAGE_INVALID' },
        String(index),
      )
    }
  } finally {
    rmSync(place, { recursive: true })
  }
})
