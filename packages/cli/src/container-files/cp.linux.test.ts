import assert from 'node:assert/strict'
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'
import { gantry } from '../testing/scripted-daemon.ts'

describe('gantry cp, diff, commit, export', { skip: realDaemonMissing() ?? false }, () => {
  let daemon: RealDaemon
  let here = ''
  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await gantry(args, { env: { GANTRY_ROOT: daemon.site.root } })
    assert.equal(code, 0, `gantry ${args.join(' ')}: ${stderr}`)
    return stdout.trimEnd()
  }
  before(async () => {
    daemon = await realDaemon()
    here = mkdtempSync(join(tmpdir(), 'gantry-cp-'))
    mkdirSync(join(here, 'tree/deep'), { recursive: true })
    writeFileSync(join(here, 'tree/deep/file'), 'content')
    symlinkSync('deep/file', join(here, 'tree/link'))
    await run('run', '-d', '--name', 'one', 'localhost/busybox', 'sleep', '1000')
  })
  after(async () => {
    rmSync(here, { recursive: true, force: true })
    await daemon[Symbol.asyncDispose]()
  })
  const text = (name: string): string => readFileSync(join(here, name), 'utf8')

  test('copies a tree in and out, under old names and new ones', async () => {
    await run('cp', `${here}/tree`, 'one:/root')
    await run('cp', `${here}/tree/.`, 'one:/root/new')
    assert.equal(await run('exec', 'one', 'cat', '/root/tree/link', '/root/new/deep/file'), 'contentcontent')
    await run('cp', 'one:/root/tree', `${here}/back`)
    mkdirSync(join(here, 'into'))
    await run('cp', 'one:/root/tree/.', `${here}/into`)
    await run('cp', 'one:/root/tree', `${here}/into`)
    for (const name of ['back', 'into', 'into/tree']) {
      assert.equal(text(`${name}/deep/file`), 'content')
      assert.ok(lstatSync(join(here, name, 'link')).isSymbolicLink())
    }
  })

  test('copies a file over a file, and follows links when asked to', async () => {
    await run('cp', `${here}/tree/deep/file`, 'one:/root/other')
    writeFileSync(join(here, 'old'), 'old')
    await run('cp', 'one:/root/other', `${here}/old`)
    assert.equal(text('old'), 'content')
    await run('cp', '-L', 'one:/root/tree/link', `${here}/followed`)
    assert.equal(text('followed'), 'content')
    await run('cp', '-L', `${here}/tree/link`, 'one:/root/plain')
    assert.equal(await run('exec', 'one', 'stat', '-c', '%F', '/root/plain'), 'regular file')
  })

  test('what a container puts into an archive stays in the directory it is copied to', async () => {
    await run('exec', 'one', 'sh', '-c', `mkdir /h && ln -s ${here} /h/d`)
    await run('cp', 'one:/h', `${here}/h`)
    await run('exec', 'one', 'sh', '-c', 'rm /h/d && mkdir /h/d && echo x > /h/d/planted')
    const { code } = await gantry(['cp', 'one:/h/.', `${here}/h`], { env: { GANTRY_ROOT: daemon.site.root } })
    assert.notEqual(code, 0)
    assert.throws(() => text('planted'), { code: 'ENOENT' })
  })

  test('passes archives through its streams', async () => {
    const archive = join(here, 'archive.tar')
    await run('export', '-o', archive, 'one')
    assert.ok(lstatSync(archive).size > 100_000)
    assert.match(await run('cp', 'one:/root/tree', '-'), /tree\/deep\/file/)
  })

  test('tells what was changed, and makes an image of it', async () => {
    assert.match(await run('diff', 'one'), /^A \/root\/new$/m)
    assert.match(await run('commit', '-c', 'CMD cat /root/other', 'one', 'made'), /^sha256:/)
    assert.equal(await run('run', '--rm', 'made'), 'content')
  })
})
