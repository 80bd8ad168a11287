import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { after, before, describe, test } from 'node:test'
import { writeTar } from '@gantry/tar'
import { toolsMissing } from '@gantry/testing'
import { listing, World } from './test/world.ts'

let world: World
before(async () => {
  world = await World.open()
})
after(() => world[Symbol.asyncDispose]())

const paths = async (digest: Parameters<World['layer']>[0]): Promise<string[]> =>
  (await world.layer(digest)).map(({ path }) => path)

describe('what COPY can do', () => {
  test('--exclude leaves out by the path in a directory, or by the name of a file', async () => {
    const { layers } = await world.build({
      Dockerfile:
        'FROM scratch\nCOPY --exclude=*.md --exclude=deep/x . /a/\nCOPY --exclude=*.md --exclude=!keep.md . /b/\nCOPY --exclude=*.md one.md two /c/\n',
      'one.md': '1',
      'keep.md': '2',
      two: '3',
      'deep/x': '4',
      'deep/y.md': '5',
      'deep/z': '6',
    })
    assert.deepEqual(await paths(layers[0]!), ['a', 'a/Dockerfile', 'a/deep', 'a/deep/y.md', 'a/deep/z', 'a/two'])
    assert.ok((await paths(layers[1]!)).includes('b/keep.md'))
    assert.deepEqual(await paths(layers[2]!), ['c', 'c/two'])
  })

  test('--parents keeps directories, from the pivot on, and has ** for any depth', async () => {
    const files = { 'x/y/a.txt': '1', 'x/y/b.md': '2', 'x/c.txt': '3', 'z/d.txt': '4', 'z/e/f/g.txt': '5' }
    const { layers } = await world.build({
      ...files,
      Dockerfile: [
        'FROM scratch',
        'COPY --parents ./x/y/a.txt ./z /p/',
        'COPY --parents x/./y/*.txt /q',
        'COPY --parents **/*.txt /r/',
        'COPY --parents --exclude=z x/* z/d.txt /s/',
      ].join('\n'),
    })
    assert.deepEqual(await paths(layers[0]!), [
      'p',
      'p/x',
      'p/x/y',
      'p/x/y/a.txt',
      'p/z',
      'p/z/d.txt',
      'p/z/e',
      'p/z/e/f',
      'p/z/e/f/g.txt',
    ])
    assert.deepEqual(await paths(layers[1]!), ['q', 'q/y', 'q/y/a.txt'])
    assert.deepEqual(
      (await paths(layers[2]!)).filter((path) => path.includes('.')),
      ['r/x/c.txt', 'r/x/y/a.txt', 'r/z/d.txt', 'r/z/e/f/g.txt'],
    )
    assert.deepEqual(await paths(layers[3]!), ['s', 's/x', 's/x/c.txt', 's/x/y', 's/x/y/a.txt', 's/x/y/b.md'])
    await assert.rejects(world.build({ ...files, Dockerfile: 'FROM scratch\nCOPY --parents x/gone /p/' }), {
      code: 'SOURCE_UNKNOWN',
    })
    const empty = await world.build({ ...files, Dockerfile: 'FROM scratch\nCOPY --parents nothing/*.md /p/' })
    assert.deepEqual(await paths(empty.layers[0]!), [])
  })

  test('--chmod takes symbolic modes, of each file by itself', async () => {
    const { layers } = await world.build({
      Dockerfile: 'FROM scratch\nCOPY --chmod=u=rwX,go=rX d /d\nCOPY --chmod=a+x <<EOF /script\nx\nEOF\n',
      'd/plain 600': '1',
      'd/program 711': '2',
    })
    assert.deepEqual(listing(await world.layer(layers[0]!)), [
      'directory 755 0:0 d',
      'file 644 0:0 d/plain',
      'file 755 0:0 d/program',
    ])
    assert.deepEqual(listing(await world.layer(layers[1]!)), ['file 755 0:0 script'])
  })

  test('--link makes the same layer whatever is below it, with --chmod too', async () => {
    const files = { one: '1', two: '2', a: 'x' }
    const link = 'COPY --link --chmod=640 --chown=3:4 a /dir/sub/\n'
    const first = await world.build({ ...files, Dockerfile: `FROM scratch\nCOPY one /dir/\n${link}` })
    const second = await world.build({ ...files, Dockerfile: `FROM scratch\nCOPY two /other/\n${link}` })
    assert.equal(first.layers[1], second.layers[1])
    assert.deepEqual(
      world.steps().map(([, cached]) => cached),
      [false, true],
    )
    assert.deepEqual(listing(await world.layer(first.layers[1]!)), [
      'directory 640 3:4 dir',
      'directory 640 3:4 dir/sub',
      'file 640 3:4 dir/sub/a',
    ])
  })
})

const entry = (path: string, content: string | undefined, more: object = {}) => ({
  header: {
    path,
    type: content === undefined ? ('directory' as const) : ('file' as const),
    mode: content === undefined ? 0o750 : 0o640,
    uid: 7,
    gid: 8,
    size: content?.length ?? 0,
    mtime: 1000,
    ...more,
  },
  body: content === undefined ? [] : [Buffer.from(content)],
})
const tar = async (...entries: ReturnType<typeof entry>[]): Promise<Buffer> =>
  Buffer.concat(await Array.fromAsync(writeTar(entries)))

describe('ADD of what is here', () => {
  test('an archive is unpacked as it is, however it is compressed', async () => {
    const plain = await tar(
      entry('.', undefined),
      entry('d', undefined),
      entry('d/f', 'hello'),
      entry('d/link', '', { type: 'symlink', linkPath: '../x' }),
      entry('d/same', '', { type: 'hardlink', linkPath: 'd/f' }),
    )
    const forms: Record<string, Buffer> = { 'a.tar': plain, 'a.gz': gzipSync(plain), 'a.zst': zstdCompressSync(plain) }
    for (const program of ['bzip2', 'xz']) {
      if (toolsMissing(program) === undefined) forms[`a.${program}`] = execFileSync(program, ['-c'], { input: plain })
    }
    const context = world.context({ Dockerfile: '' })
    let first: unknown
    for (const [name, bytes] of Object.entries(forms)) {
      writeFileSync(join(context, name), bytes)
      writeFileSync(join(context, 'Dockerfile'), `FROM scratch\nADD ${name} /to/\n`)
      const { layers } = await world.build(context)
      const entries = await world.layer(layers[0]!)
      first ??= layers[0]
      assert.equal(layers[0], first, name)
      assert.deepEqual(listing(entries), [
        'directory 755 0:0 to',
        'directory 750 7:8 to/d',
        'file 640 7:8 to/d/f',
        'symlink 640 7:8 to/d/link',
        'hardlink 640 7:8 to/d/same',
      ])
      assert.equal(entries[2]!.content, 'hello')
      assert.equal(entries[2]!.mtime, 1000)
    }
    world.assertClean()
  })

  test('--unpack=false, and what is merely compressed, are copied; --chown takes hold of what is unpacked', async () => {
    const context = world.context({
      Dockerfile:
        'FROM scratch\nADD --unpack=false a.tar /raw/\nADD text.gz plain /raw/\nADD --chown=1:2 --chmod=700 a.tar /own/\n',
      plain: 'not an archive',
    })
    writeFileSync(join(context, 'a.tar'), await tar(entry('f', '1')))
    writeFileSync(join(context, 'text.gz'), gzipSync('only text'))
    const { layers } = await world.build(context)
    assert.deepEqual(await paths(layers[0]!), ['raw', 'raw/a.tar'])
    assert.deepEqual(await paths(layers[1]!), ['raw', 'raw/plain', 'raw/text.gz'])
    assert.deepEqual(listing(await world.layer(layers[2]!)), ['directory 700 1:2 own', 'file 700 1:2 own/f'])
  })

  test('an archive never leads out of its destination', async () => {
    const hostile = [
      [entry('../out', 'x')],
      [entry('a', '', { type: 'symlink', linkPath: '/etc' }), entry('a/passwd', 'x')],
      [entry('b', '', { type: 'hardlink', linkPath: '/etc/passwd' })],
      [entry('c', '', { type: 'hardlink', linkPath: '../../c' })],
    ]
    for (const entries of hostile) {
      const context = world.context({ Dockerfile: 'FROM scratch\nADD a.tar /in/\n' })
      writeFileSync(join(context, 'a.tar'), await tar(...entries))
      await assert.rejects(world.build(context), { code: 'SOURCE_UNREADABLE', line: 2 }, entries[0]!.header.path)
    }
    const cut = world.context({ Dockerfile: 'FROM scratch\nADD a.tar /in/\n' })
    writeFileSync(join(cut, 'a.tar'), (await tar(entry('f', 'x'.repeat(5000)))).subarray(0, 3000))
    await assert.rejects(world.build(cut), { code: 'SOURCE_UNREADABLE' })
    world.assertClean()
  })
})

describe('ADD from HTTP', () => {
  let server: Server
  let base: string
  let requests: { url: string; status: number }[] = []
  const content = 'downloaded'
  before(async () => {
    server = createServer((request, response) => {
      const url = request.url ?? ''
      const answer = (status: number, body = '', headers: Record<string, string> = {}): void => {
        requests.push({ url, status })
        response.writeHead(status, headers).end(body)
      }
      if (url === '/named')
        return answer(200, content, { 'content-disposition': 'attachment; filename="../evil/name.txt"' })
      if (url === '/moved') return answer(302, '', { location: '/file.txt' })
      if (url === '/short') {
        requests.push({ url, status: 200 })
        response.writeHead(200, { 'content-length': '100' }).write('abc')
        return void setTimeout(() => response.destroy(), 20)
      }
      if (url !== '/file.txt') return answer(404, 'nothing here')
      if (request.headers['if-none-match'] === '"1"') return answer(304)
      return answer(200, content, { etag: '"1"', 'last-modified': 'Thu, 01 Jan 2015 00:00:00 GMT' })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    base = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
  })
  after(() => server.close())

  test('a file has the name of its address, mode 600, and is asked for again only when it changed', async () => {
    requests = []
    const Dockerfile = `FROM scratch\nADD ${base}/file.txt ${base}/moved /d/\nADD ${base}/named /n/\nADD ${base}/file.txt /whole\n`
    const { layers, digest } = await world.build({ Dockerfile })
    assert.deepEqual(listing(await world.layer(layers[0]!)), [
      'directory 755 0:0 d',
      'file 600 0:0 d/file.txt',
      'file 600 0:0 d/moved',
    ])
    assert.deepEqual(await paths(layers[1]!), ['n', 'n/name.txt'])
    assert.equal((await world.layer(layers[2]!))[0]!.content, content)
    requests = []
    const again = await world.build({ Dockerfile })
    assert.equal(again.digest, digest)
    assert.ok(requests.filter(({ url }) => url === '/file.txt').every(({ status }) => status === 304))
  })

  test('a checksum is held to, and spares the question', async () => {
    const sum = (algorithm: string): string => `${algorithm}:${createHash(algorithm).update(content).digest('hex')}`
    for (const algorithm of ['sha256', 'sha512']) {
      await world.build({ Dockerfile: `FROM scratch\nADD --checksum=${sum(algorithm)} ${base}/file.txt /f\n` })
    }
    requests = []
    await world.build({ Dockerfile: `FROM scratch\nADD --checksum=${sum('sha256')} ${base}/file.txt /f\n` })
    assert.deepEqual(requests, [])
    const wrong = `FROM scratch\nADD --checksum=sha256:${'0'.repeat(64)} ${base}/file.txt /f\n`
    await assert.rejects(world.build({ Dockerfile: wrong }), { code: 'SOURCE_UNREADABLE', line: 2 })
  })

  test('what does not come whole, or not at all, ends the build', async () => {
    for (const url of ['/gone', '/short']) {
      const Dockerfile = `FROM scratch\nADD ${base}${url} /f\n`
      await assert.rejects(world.build({ Dockerfile }), { code: 'SOURCE_UNREADABLE', line: 2 }, url)
    }
    const refused = 'FROM scratch\nADD http://user:hunter2@127.0.0.1:1/x?token=hunter2 /f\n'
    await assert.rejects(world.build({ Dockerfile: refused }), (error: Error) => {
      assert.ok(!error.message.includes('hunter2'), error.message)
      return (error as Error & { code: string }).code === 'SOURCE_UNREADABLE'
    })
    world.assertClean()
  })
})

const daemon = '/usr/lib/git-core/git-daemon'
const noGit = toolsMissing('git') ?? (existsSync(daemon) ? false : 'git has no daemon to serve a repository with')

describe('ADD from git', { skip: noGit }, () => {
  let remote: string
  let commits: string[]
  const children: ReturnType<typeof spawn>[] = []
  before(async () => {
    const directory = join(world.root, 'git')
    const work = join(directory, 'repo.git')
    mkdirSync(join(work, 'sub'), { recursive: true })
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', work, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
        encoding: 'utf8',
      }).trim()
    git('init', '--quiet', '--initial-branch=main')
    git('config', 'uploadpack.allowAnySHA1InWant', 'true')
    writeFileSync(join(work, 'file'), 'one')
    writeFileSync(join(work, 'sub/inner'), 'two')
    symlinkSync('file', join(work, 'link'))
    git('add', '.')
    git('commit', '--quiet', '-m', 'first')
    git('tag', '-a', '-m', 'x', 'v1')
    writeFileSync(join(work, 'file'), 'newer')
    git('commit', '--quiet', '-am', 'second')
    commits = [git('rev-parse', 'v1^{}'), git('rev-parse', 'main')]
    const port = 20_000 + (process.pid % 20_000)
    const args = [
      '--export-all',
      '--listen=127.0.0.1',
      `--port=${port}`,
      `--base-path=${directory}`,
      '--reuseaddr',
      directory,
    ]
    children.push(spawn(daemon, args, { stdio: 'ignore' }))
    remote = `git://127.0.0.1:${port}/repo.git`
    for (let tries = 0; tries < 100 && !(await answers(port)); tries++) await sleep(50)
  })
  after(() => children.forEach((child) => child.kill()))

  test('branches, tags, commits and directories', async () => {
    const content = async (source: string): Promise<string[]> => {
      const { layers } = await world.build({ Dockerfile: `FROM scratch\nADD ${source} /r/\n` })
      return (await world.layer(layers[0]!)).map(({ path, content: text }) => `${path}${text === '' ? '' : `=${text}`}`)
    }
    assert.deepEqual(await content(remote), ['r', 'r/file=newer', 'r/link', 'r/sub', 'r/sub/inner=two'])
    assert.deepEqual(await content(`${remote}#v1:sub`), ['r', 'r/inner=two'])
    assert.ok((await content(`${remote}#${commits[0]}`)).includes('r/file=one'))
    assert.ok((await content(`${remote}?branch=main`)).includes('r/file=newer'))
    world.assertClean()
  })

  test('the same commit is not fetched again; its checksum is held to', async () => {
    const Dockerfile = `FROM scratch\nADD --checksum=${commits[1]!.slice(0, 12)} ${remote}#main /r/\n`
    await world.build({ Dockerfile })
    await world.build({ Dockerfile })
    assert.deepEqual(
      world.steps().map(([, cached]) => cached),
      [true],
    )
    const wrong = `FROM scratch\nADD --checksum=${commits[0]} ${remote}#main /r/\n`
    await assert.rejects(world.build({ Dockerfile: wrong }), { code: 'SOURCE_UNREADABLE', line: 2 })
    const { layers } = await world.build({ Dockerfile: `FROM scratch\nADD --keep-git-dir ${remote}#main /r/\n` })
    assert.ok((await paths(layers[0]!)).includes('r/.git/HEAD'))
  })

  test('files of this machine are no repositories', async () => {
    for (const source of [`${remote}#gone`, 'git://127.0.0.1:1/x.git']) {
      await assert.rejects(
        world.build({ Dockerfile: `FROM scratch\nADD ${source} /r/\n` }),
        { code: 'SOURCE_UNREADABLE' },
        source,
      )
    }
    assert.ok(readFileSync(join(world.root, 'git/repo.git/file'), 'utf8'))
    world.assertClean()
  })
})

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

describe('ONBUILD', () => {
  test('what an image put off is done first by what starts from it, once, and may need other stages and images', async () => {
    await world.build({ Dockerfile: 'FROM scratch\nCOPY o /o\n', o: 'other' }, { tags: ['localhost/other'] })
    const base = await world.build(
      {
        Dockerfile: [
          'FROM scratch',
          'ENV WHERE=/app',
          'ONBUILD COPY --from=assets /f ${WHERE}/f',
          'ONBUILD COPY --from=localhost/other / /other/',
          'ONBUILD COPY <<EOF /hi',
          'hello',
          'EOF',
          'ONBUILD LABEL done=$WHERE',
        ].join('\n'),
      },
      { tags: ['localhost/onbuild'] },
    )
    assert.deepEqual(base.config.config?.OnBuild, [
      'COPY --from=assets /f ${WHERE}/f',
      'COPY --from=localhost/other / /other/',
      'COPY <<EOF /hi\nhello\nEOF',
      'LABEL done=$WHERE',
    ])
    const files = { f: 'asset', own: '1' }
    const Dockerfile =
      'FROM scratch AS assets\nCOPY f /f\nFROM localhost/onbuild AS app\nCOPY own /own\nFROM app\nCOPY own /last\n'
    const { layers, config } = await world.build({ ...files, Dockerfile })
    const all = (await Promise.all(layers.map(paths))).map((list) => list.at(-1))
    assert.deepEqual(all, ['app/f', 'other/o', 'hi', 'own', 'last'])
    assert.equal(config.config?.OnBuild, undefined)
    assert.deepEqual(config.config?.Labels, { done: '/app' })
    const ids = world.events.flatMap((event) => (event.kind === 'step-done' ? event.step.id : []))
    assert.equal(new Set(ids).size, ids.length)
  })

  test('a trigger that makes no sense ends the build at its words', async () => {
    await world.build(
      { Dockerfile: 'FROM scratch\nONBUILD COPY --from=nowhere-to-be-found /a /b\n' },
      { tags: ['localhost/broken'] },
    )
    await assert.rejects(world.build({ Dockerfile: 'FROM localhost/broken\n' }), { code: 'BASE_UNKNOWN' })
  })
})
