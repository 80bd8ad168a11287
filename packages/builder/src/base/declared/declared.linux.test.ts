import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openImage } from '@gantry/image'
import { digestHex } from '@gantry/oci'
import { run, which } from '@gantry/process'
import { World } from '../../test/world.ts'
import { BuildError } from '../../build-error.ts'
import { architectureNames } from '../debian-architecture.ts'
import { parseBaseFile, type DeclaredBase } from './base-file.ts'
import { parseLock, formatLock, type BaseLock } from './base-lock.ts'
import { buildDeclared, type DeclaredResult } from './build-declared.ts'
import { lockBase } from './lock-base.ts'

const own = architectureNames().oci
const other = own === 'amd64' ? 'arm64' : 'amd64'
const missing = process.getuid?.() !== 0 ? 'needs root' : which('apt-get') === undefined ? 'needs apt-get' : false

let world: World
let directory = ''

function declare(change: object): DeclaredBase {
  return parseBaseFile(JSON.stringify({ name: 'localhost/minimal', ...change }), 'gantry-base.json')
}

function make(declared: DeclaredBase, lock: BaseLock, place: string, force = false): Promise<DeclaredResult> {
  const ports = { store: world.store, codec: world.codec, directory: join(directory, place) }
  return buildDeclared(declared, lock, { from: directory, force }, ports)
}

/** Unpacks the image for this machine. */
async function unpack({ descriptor }: DeclaredResult, place: string): Promise<string> {
  const root = join(directory, place)
  mkdirSync(root)
  const image = await openImage(world.store, descriptor, {
    codec: world.codec,
    platform: { os: 'linux', architecture: own },
  })
  for (const { digest } of (await image.manifest()).layers) {
    await run('tar', ['-x', '-C', root, '-f', join(world.root, 'content/blobs/sha256', digestHex(digest))])
  }
  return root
}

async function printed(command: readonly string[], from = 'localhost/minimal'): Promise<string> {
  await world.build({ Dockerfile: `FROM ${from}\nRUN ${JSON.stringify(command)}\n` }, { network: 'none' })
  return world.output()
}

describe('images of packages', { skip: missing, timeout: 900_000 }, () => {
  before(async () => {
    world = await World.open()
    directory = mkdtempSync(join(tmpdir(), 'gantry-packages-'))
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true, force: true })
  })

  test('without a shell: programs run, certificates are found, records are what was locked', async () => {
    const packages = ['ca-certificates', 'hello', 'openssl', 'tzdata', 'zlib1g']
    const declared = declare({ packages, architectures: [own, other], timezone: 'Asia/Tokyo' })
    const lock = await lockBase(declared, { directory: join(directory, 'one') })
    const result = await make(declared, parseLock(formatLock(lock), 'f'), 'one')
    assert.deepEqual(result.skipped, [])
    assert.match(await printed(['hello']), /Hello, world!/)
    const certificate = '/usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt'
    assert.match(await printed(['openssl', 'verify', '-CApath', '/etc/ssl/certs', certificate]), /X1\.crt: OK/)
    await assert.rejects(printed(['sh', '-c', 'ls']), BuildError)
    await assert.rejects(printed(['dpkg', '-l']), BuildError)

    const root = await unpack(result, 'root')
    const admin = `--admindir=${join(root, 'var/lib/dpkg')}`
    const { stdout } = await run('dpkg-query', [admin, '-W', '-f', '${Package} ${Version} ${Status}\n'])
    const locked = lock.architectures[own]?.packages.map(
      ({ name, version }) => `${name} ${version} install ok installed`,
    )
    assert.deepEqual(stdout.trim().split('\n'), locked)
    const listed = await run('dpkg-query', [admin, '-L', 'hello'])
    assert.match(listed.stdout, /^\/usr\/bin\/hello$/m)

    const ours = join(root, 'etc/ours.cache')
    renameSync(join(root, 'etc/ld.so.cache'), ours)
    await run('ldconfig', ['-r', root])
    const print = async (path: string): Promise<readonly string[]> =>
      (await run('ldconfig', ['-p', '-C', path])).stdout.split('\n').filter((line) => line.includes('=>'))
    assert.deepEqual(
      await print(ours),
      await print(join(root, 'etc/ld.so.cache')),
      'the linker reads what ldconfig writes',
    )

    const again = await make(declared, lock, 'two', true)
    assert.equal(again.digest, result.digest, 'the same from packages that were fetched again')
  })

  test('with a package manager: dpkg and APT find everything in order', async () => {
    const declared = declare({ name: 'localhost/managed', packages: ['zlib1g'], include: { packageManager: true } })
    const lock = await lockBase(declared, { directory: join(directory, 'one') })
    const result = await make(declared, lock, 'one')
    assert.deepEqual(result.skipped, [])
    const script =
      'dpkg --audit && apt-get check && apt list --installed && awk "BEGIN { print 6 * 7 }" && id _apt && cat /etc/shells'
    const output = await printed(['bash', '-c', script], 'localhost/managed')
    assert.match(output, /zlib1g\/now .*\[installed,local\]/)
    assert.match(output, /^42$/m)
    assert.match(output, /^\/usr\/bin\/dash$/m)
    assert.match(output, /\(_apt\) gid=65534\(nogroup\)/)
  })
})
