import assert from 'node:assert/strict'
import { accessSync, constants, existsSync } from 'node:fs'
import { chmod, chown, cp, mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openState } from '@gantry/state'
import { run, runStatus, start, which } from '@gantry/process'
import { openStore, storeMigrations } from '@gantry/store'
import { testCodec } from '@gantry/testing'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'
import { gantry, type CliResult } from '../testing/scripted-daemon.ts'

const skip = realDaemonMissing() ?? false
const image = 'localhost/busybox'
const main = new URL('../main.ts', import.meta.url).pathname

// What goes wrong on people's machines: each ends with one clear error, the right code, and nothing half-done.
describe('mishaps', { skip }, () => {
  let daemon: RealDaemon
  let scratch = ''
  const inRoot = (root: string, ...args: string[]): Promise<CliResult> => gantry(args, { env: { GANTRY_ROOT: root } })
  const cli = (...args: string[]): Promise<CliResult> => inRoot(daemon.site.root, ...args)

  before(async () => {
    daemon = await realDaemon()
    scratch = await mkdtemp(join(tmpdir(), 'gantry-mishaps-'))
  })
  after(async () => {
    assert.deepEqual(await daemon.inventory(), [], 'something is left on the host')
    await daemon[Symbol.asyncDispose]()
    await rm(scratch, { recursive: true, force: true })
  })

  /** One error: what went wrong, and perhaps what to do; no stack, nothing said twice. */
  function assertOneError(result: CliResult, code: number, pattern: RegExp): void {
    assert.equal(result.code, code, result.stderr)
    assert.match(result.stderr, pattern)
    assert.doesNotMatch(result.stderr, /\n {4}at |internal error|\[object/)
    const lines = result.stderr.trim().split('\n')
    assert.equal(new Set(lines).size, lines.length, result.stderr)
  }

  async function bigArchive(): Promise<string> {
    const path = join(scratch, 'big.tar')
    if (existsSync(path)) return path
    const context = join(scratch, 'big')
    await mkdir(context)
    // Bytes that do not compress: the disk they fill is a real one.
    const urandom = await open('/dev/urandom')
    await writeFile(join(context, 'big'), await urandom.read(Buffer.alloc(40 * 2 ** 20)).then(({ buffer }) => buffer))
    await urandom.close()
    await writeFile(join(context, 'Dockerfile'), `FROM ${image}\nCOPY big /big\n`)
    const built = await cli('build', '-q', '-t', 'localhost/big', context)
    assert.equal(built.code, 0, built.stderr)
    const saved = await cli('save', '-o', path, 'localhost/big')
    assert.equal(saved.code, 0, saved.stderr)
    return path
  }

  test('a full disk while an image is loaded or built', async () => {
    const archive = await bigArchive()
    const root = join(scratch, 'small')
    await mkdir(root)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', root])
    try {
      assertOneError(await inRoot(root, 'load', '-i', archive), 1, /disk is full|no space/i)
      assert.deepEqual(await readdir(join(root, 'content/ingest')), [])
      const images = await inRoot(root, 'images', '-q')
      assert.equal(images.stdout, '', images.stderr)
      // What was brought in vain makes room again: a small image fits.
      const small = join(scratch, 'small.tar')
      assert.equal((await cli('save', '-o', small, image)).code, 0)
      const loaded = await inRoot(root, 'load', '-i', small)
      assert.equal(loaded.code, 0, loaded.stderr)
      const build = await inRoot(root, 'build', '-t', 'localhost/big', join(scratch, 'big'))
      assertOneError(build, 1, /disk is full|no space/i)
      assert.deepEqual(await readdir(join(root, 'content/ingest')), [])
    } finally {
      await run('umount', [root])
    }
  })

  test('an archive that was tampered with', async () => {
    const archive = join(scratch, 'tampered.tar')
    await cp(await bigArchive(), archive)
    const file = await open(archive, 'r+')
    await file.write(Buffer.from('tampered'), 0, 8, 20 * 2 ** 20)
    await file.close()
    const root = join(scratch, 'tampered')
    assertOneError(await inRoot(root, 'load', '-i', archive), 1, /archive|digest/i)
    assert.equal((await inRoot(root, 'images', '-q')).stdout, '')
    assert.deepEqual(await readdir(join(root, 'content/ingest')), [])
  })

  test('a registry that is not there', async () => {
    assertOneError(await cli('pull', '127.0.0.1:1/app:2'), 1, /127\.0\.0\.1:1/)
    assert.equal((await cli('tag', image, '127.0.0.1:1/app:2')).code, 0)
    assertOneError(await cli('push', '127.0.0.1:1/app:2'), 1, /127\.0\.0\.1:1/)
    await cli('rmi', '127.0.0.1:1/app:2')
    assertOneError(await cli('run', '--rm', '127.0.0.1:1/app:2'), 125, /127\.0\.0\.1:1/)
  })

  test('a name and a port that are taken', async () => {
    assert.equal((await cli('run', '-d', '--name', 'first', '-p', '127.0.0.1:18473:80', image, 'sleep', '60')).code, 0)
    assertOneError(await cli('run', '--name', 'first', image, 'true'), 125, /first/)
    assertOneError(await cli('run', '--rm', '-p', '127.0.0.1:18473:80', image, 'true'), 125, /18473/)
    assert.equal((await cli('rm', '-f', 'first')).code, 0)
  })

  test('a machine without an OCI runtime', async () => {
    const root = join(scratch, 'poor')
    const small = join(scratch, 'poor.tar')
    assert.equal((await cli('save', '-o', small, image)).code, 0)
    // In a mount namespace of its own, something that cannot be executed lies over each runtime.
    const hidden = ['runc', 'crun'].flatMap((name) => which(name) ?? [])
    const hide = hidden.map((path) => `mount --bind /dev/null ${path}`).join(' && ')
    const poor = async (...args: string[]): Promise<CliResult> =>
      runStatus(
        'unshare',
        [
          '-m',
          'sh',
          '-c',
          `${hide} && exec "$@"`,
          'sh',
          process.execPath,
          '--disable-warning=ExperimentalWarning',
          main,
          ...args,
        ],
        { env: { ...process.env, GANTRY_ROOT: root } },
      )
    const loaded = await poor('load', '-i', small)
    assert.equal(loaded.code, 0, `content needs no runtime: ${loaded.stderr}`)
    try {
      assertOneError(await poor('run', '--rm', image, 'true'), 125, /runc|crun/)
      const { stdout } = await poor('ps', '-aq')
      for (const id of stdout.split('\n').filter((line) => line !== '')) await poor('rm', '-f', id)
    } finally {
      const reset = await inRoot(root, 'system', 'reset', '--force')
      assert.equal(reset.code, 0, reset.stderr)
    }
  })

  test('somebody who is not root', async (t) => {
    const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups']
    const setpriv = which('setpriv')
    const readable = setpriv !== undefined && (await runStatus(setpriv, [...nobody, 'cat', main])).code === 0
    if (!readable) return t.skip('nobody cannot read this checkout')
    const asNobody = (...args: string[]): ReturnType<typeof runStatus> =>
      runStatus(setpriv, [...nobody, process.execPath, '--disable-warning=ExperimentalWarning', main, ...args], {
        env: { PATH: process.env['PATH'] },
      })
    assert.equal((await asNobody('version')).code, 0)
    const { code, stderr } = await asNobody('--root', join(scratch, 'nobody'), 'run', '--rm', image, 'true')
    assertOneError({ code, stderr, stdout: '' }, 125, /root|sudo/)

    // Images they can have, and take away again.
    const own = await mkdtemp(join(tmpdir(), 'gantry-own-'))
    t.after(() => rm(own, { recursive: true, force: true }))
    await chown(own, 65534, 65534)
    const images = await asNobody('--root', own, 'images')
    assert.equal(images.code, 0, images.stderr)
    const reset = await asNobody('--root', own, 'system', 'reset', '--force')
    assert.equal(reset.code, 0, reset.stderr)
    assert.equal(existsSync(own), false)
  })

  test('a database of an older gantry is brought up to date and keeps its names', async () => {
    const root = join(scratch, 'older')
    await mkdir(root)
    {
      // An older gantry knew fewer tables.
      using state = openState(join(root, 'state.db'), [storeMigrations])
      const codec = testCodec()
      const store = await openStore({ root: join(root, 'content'), state, codec: Object.assign(codec) })
      await store.flush()
    }
    const small = join(scratch, 'older.tar')
    assert.equal((await cli('save', '-o', small, image)).code, 0)
    assert.equal((await inRoot(root, 'load', '-i', small)).code, 0)
    assert.match((await inRoot(root, 'images')).stdout, /localhost\/busybox/)
  })

  test('builds and a daemon share a root, and a killed build harms nobody', async () => {
    const context = join(scratch, 'shared')
    await mkdir(context)
    await writeFile(join(context, 'Dockerfile'), `FROM ${image}\nRUN sleep 30\n`)
    await writeFile(join(context, 'Quick'), `FROM ${image}\nRUN echo done > /done\n`)
    const child = start(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'build', context], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, GANTRY_ROOT: daemon.site.root },
    })
    const said = new Promise<void>((resolve) =>
      child.stderr?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('sleep')) resolve()
      }),
    )
    await said
    const others = await Promise.all([
      cli('run', '--rm', image, 'echo', 'beside'),
      cli('build', '-q', '-t', 'localhost/quick', '-f', join(context, 'Quick'), context),
    ])
    for (const { code, stderr } of others) assert.equal(code, 0, stderr)
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('close', resolve))
    // The next build takes back what the killed one had made.
    const next = await cli('build', '-q', '--no-cache', '-f', join(context, 'Quick'), context)
    assert.equal(next.code, 0, next.stderr)
  })

  test('a Dockerfile with a mistake, and one with an instruction that is not there yet', async () => {
    const context = join(scratch, 'mistakes')
    await mkdir(context)
    await writeFile(join(context, 'Dockerfile'), `FROM ${image}\nRUNN true\n`)
    assertOneError(await cli('build', context), 1, /Dockerfile:2:1[^]*RUNN[^]*\^/)
    await writeFile(join(context, 'Dockerfile'), `FROM ${image}\nRUN --security=insecure true\n`)
    assertOneError(await cli('build', context), 1, /Dockerfile:2[^]*security/)
  })

  test('a root that nobody can write to', async () => {
    const file = join(scratch, 'file')
    await writeFile(file, '')
    await chmod(file, 0o644)
    accessSync(file, constants.F_OK)
    const { code, stderr } = await inRoot(file, 'pull', '127.0.0.1:1/x')
    assert.notEqual(code, 0)
    assert.match(stderr, /root|directory/i)
  })
})
