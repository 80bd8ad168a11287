import assert from 'node:assert/strict'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ApiError } from '@gantry/client'
import { which } from '@gantry/process'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'
import { TarReader, TarWriter } from '@gantry/tar'

const missing = realDaemonMissing() ?? (which('docker') === undefined ? 'needs the docker client' : undefined)

describe('the files of containers', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  let here = ''
  before(async () => {
    daemon = await realDaemon()
    here = mkdtempSync(join(tmpdir(), 'gantry-cp-'))
  })
  after(async () => {
    rmSync(here, { recursive: true, force: true })
    await daemon[Symbol.asyncDispose]()
  })

  const docker = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await daemon.docker(...args)
    assert.equal(code, 0, `docker ${args.join(' ')}: ${stderr}`)
    return stdout.trimEnd()
  }
  const sh = (container: string, command: string): Promise<string> => docker('exec', container, 'sh', '-c', command)
  const running = (name: string, ...options: string[]): Promise<string> =>
    docker('run', '-d', '--name', name, ...options, 'localhost/busybox', 'sleep', '1000')

  test('docker cp: into and out of a running container, its volumes and its tmpfs', async () => {
    await running('live', '-v', '/data', '--tmpfs', '/scratch')
    const tree = join(here, 'tree')
    mkdirSync(join(tree, 'deep'), { recursive: true })
    writeFileSync(join(tree, 'deep/file'), 'content')
    chmodSync(join(tree, 'deep/file'), 0o751)
    symlinkSync('deep/file', join(tree, 'link'))
    for (const place of ['/root', '/data', '/scratch']) {
      await docker('cp', tree, `live:${place}`)
      assert.equal(await sh('live', `cat ${place}/tree/link; stat -c %a ${place}/tree/deep/file`), 'content751')
      const out = join(here, `out${place.replace('/', '-')}`)
      await docker('cp', `live:${place}/tree`, out)
      assert.equal(readFileSync(join(out, 'deep/file'), 'utf8'), 'content')
      assert.ok(lstatSync(join(out, 'link')).isSymbolicLink())
    }
    await docker('cp', `${tree}/.`, 'live:/root/new')
    assert.equal(await sh('live', 'cat /root/new/deep/file'), 'content')
    await docker('cp', join(tree, 'deep/file'), 'live:/root/renamed')
    await docker('cp', '-L', 'live:/root/tree/link', join(here, 'followed'))
    assert.equal(readFileSync(join(here, 'followed'), 'utf8'), 'content')
    const bad = await daemon.docker('cp', 'live:/nothing', here)
    assert.deepEqual([bad.code, /Could not find the file \/nothing/.test(bad.stderr)], [1, true], bad.stderr)
    assert.equal((await daemon.docker('cp', tree, 'live:/root/renamed')).code, 1)
    await docker('rm', '-fv', 'live')
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('docker cp: a container that does not run, before and after its first start, volumes included', async () => {
    await docker('create', '--name', 'still', '-v', 'kept:/data', 'localhost/busybox', 'cat', '/data/file', '/etc/own')
    writeFileSync(join(here, 'file'), 'from here\n')
    await docker('cp', join(here, 'file'), 'still:/data/file')
    await docker('cp', join(here, 'file'), 'still:/etc/own')
    assert.equal(await docker('start', '-a', 'still'), 'from here\nfrom here')
    rmSync(join(here, 'back'), { force: true })
    await docker('cp', 'still:/data/file', join(here, 'back'))
    assert.equal(readFileSync(join(here, 'back'), 'utf8'), 'from here\n')
    await docker('rm', 'still')
    await docker('volume', 'rm', 'kept')
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('tells of a path: HEAD, types, links', async () => {
    await running('told')
    await sh(
      'told',
      'mkdir /d && echo hi > /d/f && chmod 4755 /d/f && ln -s d/f /l && ln -s /nowhere /broken && mkfifo /p',
    )
    const { containers } = daemon.client
    assert.equal((await containers.statPath('told', '/d'))?.mode, 2 ** 31 + 0o755)
    const file = await containers.statPath('told', '/l/../d/f')
    assert.deepEqual([file?.name, file?.size, file?.mode, file?.linkTarget], ['f', 3, 2 ** 23 + 0o755, ''])
    assert.equal((await containers.statPath('told', '/l'))?.linkTarget, '/d/f')
    assert.equal((await containers.statPath('told', '/broken'))?.linkTarget, '/nowhere')
    assert.equal((await containers.statPath('told', '/p'))?.mode, 2 ** 25 + 0o644)
    assert.equal(await containers.statPath('told', '/x'), undefined)
    await docker('rm', '-f', 'told')
  })

  test('a read-only root is not written to, what is mounted on it is', async () => {
    for (const command of ['create', 'run']) {
      await docker(
        command,
        ...(command === 'run' ? ['-d'] : []),
        '--name=ro',
        '--read-only',
        '-v=/data',
        'localhost/busybox',
        'sleep',
        '99',
      )
      writeFileSync(join(here, 'f'), 'x')
      const { code, stderr } = await daemon.docker('cp', join(here, 'f'), 'ro:/etc/f')
      assert.deepEqual([code, /marked read-only/.test(stderr)], [1, true], stderr)
      await docker('cp', join(here, 'f'), 'ro:/data/f')
      await docker('rm', '-fv', 'ro')
    }
  })

  test('nothing gets out: links and names in a container and in an archive stay in the container', async () => {
    const secret = join(here, 'secret')
    mkdirSync(secret)
    writeFileSync(join(secret, 'file'), 'of the host')
    await running('hostile')
    await sh(
      'hostile',
      `mkdir -p ${here} && ln -s ${secret} /escape && ln -s / /root-of && ln -s ../../../../../.. /up`,
    )
    const { containers } = daemon.client
    assert.equal(await containers.statPath('hostile', '/escape/file'), undefined)
    assert.equal(await containers.statPath('hostile', `/up${secret}/file`), undefined)
    await assert.rejects(containers.readArchive('hostile', '/escape/file'), ApiError)
    await containers
      .writeArchive('hostile', '/root-of', archive({ 'escape/../planted': 'x', 'root-of/planted2': 'y' }))
      .catch(() => undefined)
    await containers.writeArchive('hostile', '/', archive({ 'root-of/planted3': 'z' }))
    assert.equal(await sh('hostile', 'cat /planted3'), 'z')
    await assert.rejects(containers.writeArchive('hostile', '/tmp', archive({ '../../escaped': 'x' })), ApiError)
    await assert.rejects(containers.writeArchive('hostile', '/escape', archive({ file: 'overwritten' })), ApiError)
    assert.equal(readFileSync(join(secret, 'file'), 'utf8'), 'of the host')
    assert.deepEqual(readdirSync(secret), ['file'])
    await docker('rm', '-f', 'hostile')
  })

  test('nothing gets out while names are swapped: a directory and a link to the host change places all the time', async () => {
    const outside = join(here, 'outside')
    mkdirSync(outside)
    writeFileSync(join(outside, 'passwd'), 'of the host')
    await running('racing')
    await sh('racing', `mkdir -p /r/a && echo inside > /r/a/passwd && ln -s ${outside} /r/b`)
    await docker('exec', '-d', 'racing', 'sh', '-c', 'cd /r; while :; do mv a t; mv b a; mv a b; mv t a; done')
    const { containers } = daemon.client
    for (let round = 0; round < 40; round++) {
      for (const text of await Promise.all([
        contentOf(daemon, '/r'),
        contentOf(daemon, '/r/a/passwd'),
        exported(daemon),
      ]))
        assert.ok(!text.includes('of the host'), 'a file of the host was read')
      await containers.writeArchive('racing', '/r', archive({ 'a/planted': 'x' })).catch(() => undefined)
      await containers.writeArchive('racing', '/r/a', archive({ planted: 'x' })).catch(() => undefined)
      await containers.changes('racing')
    }
    assert.deepEqual(readdirSync(outside), ['passwd'])
    await docker('rm', '-f', 'racing')
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('docker diff tells what was changed, added and deleted, and nothing of a fresh container', async () => {
    await docker('run', '--name', 'fresh', '-p', '127.0.0.1:0:80', 'localhost/busybox', 'true')
    assert.equal(await docker('diff', 'fresh'), '')
    await running('changed')
    await sh('changed', 'echo x > /etc/added; rm /bin/sh; rm -r /root; mkdir /root; touch /root/new')
    const lines = (await docker('diff', 'changed')).split('\n')
    for (const line of ['C /etc', 'A /etc/added', 'C /bin', 'D /bin/sh', 'A /root/new'])
      assert.ok(lines.includes(line), `${line} in ${lines.join(', ')}`)
    await docker('rm', '-f', 'fresh', 'changed')
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('docker commit makes an image with the changes and the configuration; it goes on running', async () => {
    await running('source', '-e', 'KEEP=1', '-v', '/data')
    await sh('source', 'echo committed > /etc/mark; echo volume > /data/v')
    const id = await docker(
      'commit',
      '-a',
      'me',
      '-m',
      'why',
      '-c',
      'CMD ["cat","/etc/mark"]',
      '-c',
      'ENV MORE=2',
      'source',
      'localhost/made:1',
    )
    assert.match(id, /^sha256:/)
    assert.equal(await docker('inspect', 'source', '--format', '{{.State.Status}}'), 'running')
    assert.equal(await docker('run', '--rm', 'localhost/made:1'), 'committed')
    assert.match(await docker('run', '--rm', 'localhost/made:1', 'env'), /KEEP=1\nMORE=2/)
    assert.equal(await docker('run', '--rm', 'localhost/made:1', 'ls', '/data'), '')
    assert.match(await docker('history', '--format', '{{.Comment}}', 'localhost/made:1'), /^why/)
    await docker('rm', '-fv', 'source')
    await docker('rmi', 'localhost/made:1')
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('docker export, of a running container and of a stopped one', async () => {
    await running('exported')
    await sh('exported', 'echo x > /mark')
    for (let turn = 0; turn < 2; turn++) {
      const names = namesOf(await bytesOf(await daemon.client.containers.export('exported')))
      assert.ok(names.includes('mark') && names.includes('bin/busybox'), names.slice(0, 9).join())
      await docker('stop', '-t', '0', 'exported')
    }
    const file = join(here, 'export.tar')
    await docker('export', '-o', file, 'exported')
    assert.ok(namesOf(readFileSync(file)).includes('mark'))
    await docker('start', 'exported')
    await docker('rm', '-f', 'exported')
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('a client that leaves in the middle lets a stopped container start', async () => {
    await docker('create', '--name', 'left', 'localhost/busybox', 'true')
    const stop = new AbortController()
    const { tar } = await daemon.client.containers.readArchive('left', '/', { signal: stop.signal })
    for await (const chunk of tar) {
      void chunk
      break
    }
    stop.abort()
    await docker('start', 'left')
    await docker('rm', '-f', 'left')
    assert.deepEqual(await daemon.inventory(), [])
  })
})

async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function contentOf(daemon: RealDaemon, path: string): Promise<string> {
  try {
    return (await bytesOf((await daemon.client.containers.readArchive('racing', path)).tar)).toString('latin1')
  } catch (error) {
    assert.ok(error instanceof ApiError)
    return ''
  }
}

async function exported(daemon: RealDaemon): Promise<string> {
  let text = ''
  for await (const chunk of await daemon.client.containers.export('racing')) {
    if (chunk.length < 65_536) text += Buffer.from(chunk).toString('latin1')
  }
  return text
}

function namesOf(bytes: Uint8Array): string[] {
  const reader = new TarReader()
  const names: string[] = []
  reader.push(bytes)
  for (let event = reader.read(); event !== undefined; event = reader.read())
    if (event.kind === 'entry') names.push(event.header.path)
  reader.finish()
  return names
}

async function* archive(files: Readonly<Record<string, string>>): AsyncGenerator<Uint8Array> {
  const writer = new TarWriter()
  for (const [path, text] of Object.entries(files)) {
    const size = Buffer.byteLength(text)
    yield writer.header({ path, type: 'file', mode: 0o644, uid: 0, gid: 0, size, mtime: 0 })
    yield Buffer.from(text)
    yield writer.padding(size)
  }
  yield writer.end()
}
