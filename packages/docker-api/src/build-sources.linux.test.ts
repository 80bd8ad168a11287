import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { MemoryStore } from '@gantry/image'
import { MediaType } from '@gantry/oci'
import { run, which } from '@gantry/process'
import { createRegistry, memoryStorage, registryMigrations, serveRegistry } from '@gantry/registry'
import { openState } from '@gantry/state'
import { writeTar } from '@gantry/tar'
import { file, readAll, testCodec } from '@gantry/testing'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const needed = ['docker', 'git', 'tar'].filter((name) => which(name) === undefined).map((name) => `needs ${name}`)
const missing = realDaemonMissing() ?? needed[0]

/** A registry whose repositories `hidden/…` want a password, and a directory of files, on one port. */
interface Site extends AsyncDisposable {
  readonly address: string
  readonly files: string
  /** What was asked of it: `GET /v2/…`. */
  readonly asked: string[]
}

const password = `Basic ${Buffer.from('ann:secret').toString('base64')}`

async function openSite(): Promise<Site> {
  const stack = new AsyncDisposableStack()
  const codec = testCodec()
  const state = stack.use(openState(':memory:', registryMigrations))
  const registry = stack.use(createRegistry({ storage: memoryStorage(new MemoryStore(codec), codec), state }))
  const served = await serveRegistry({ registry, port: 0 })
  stack.defer(() => served.close({ timeout: 100 }))
  const files = mkdtempSync(join(tmpdir(), 'gantry-build-site-'))
  stack.defer(() => rmSync(files, { recursive: true, force: true }))
  const asked: string[] = []
  const answer = (incoming: IncomingMessage, response: ServerResponse): void => {
    const { method = 'GET', url = '/', headers } = incoming
    const { pathname } = new URL(url, 'http://site')
    asked.push(`${method} ${pathname}`)
    if (!pathname.startsWith('/v2')) {
      try {
        response.end(readFileSync(join(files, pathname)))
      } catch {
        response.writeHead(404).end()
      }
    } else if (pathname.startsWith('/v2/hidden/') && headers.authorization !== password) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="site"' }).end('{}')
    } else {
      const passed = request({ port: served.port, host: '127.0.0.1', method, path: url, headers }, (from) => {
        response.writeHead(from.statusCode ?? 500, from.headers)
        from.pipe(response)
      })
      incoming.pipe(passed)
    }
  }
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stack.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = `127.0.0.1:${String((server.address() as AddressInfo).port)}`
  return { address, files, asked, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** Pushes an index of an image of one file for each architecture; its label `of` says the architecture and the release. */
async function publish(address: string, name: string, release: string): Promise<void> {
  const authorization = { authorization: password }
  const at = (path: string): string => `http://${address}/v2/${name}/${path}`
  const put = async (url: string, body: Uint8Array, type: string): Promise<void> => {
    const headers = { ...authorization, 'content-type': type }
    const { ok, status } = await fetch(url, { method: 'PUT', body: Buffer.from(body), headers })
    assert.ok(ok, `${url}: ${String(status)}`)
  }
  const describe = (bytes: Uint8Array, mediaType: string): { mediaType: string; digest: string; size: number } => ({
    mediaType,
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    size: bytes.length,
  })
  const upload = async (bytes: Uint8Array, mediaType: string): Promise<ReturnType<typeof describe>> => {
    const described = describe(bytes, mediaType)
    const { headers } = await fetch(at('blobs/uploads/'), { method: 'POST', headers: authorization })
    const url = new URL(headers.get('location') ?? '', `http://${address}`)
    url.searchParams.set('digest', described.digest)
    await put(url.href, bytes, 'application/octet-stream')
    return described
  }
  const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))
  const manifests = []
  for (const architecture of ['amd64', 'arm64']) {
    const layer = await upload(await readAll(writeTar([file('arch', architecture)])), MediaType.layerTar)
    const config = { Labels: { of: `${architecture} ${release}` } }
    const image = { architecture, os: 'linux', config, rootfs: { type: 'layers', diff_ids: [layer.digest] } }
    const described = await upload(json(image), MediaType.imageConfig)
    const manifest = json({ schemaVersion: 2, mediaType: MediaType.imageManifest, config: described, layers: [layer] })
    const descriptor = describe(manifest, MediaType.imageManifest)
    await put(at(`manifests/${descriptor.digest}`), manifest, MediaType.imageManifest)
    manifests.push({ ...descriptor, platform: { architecture, os: 'linux' } })
  }
  const index = json({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests })
  await put(at('manifests/latest'), index, MediaType.imageIndex)
}

describe('where builds of the stock docker client take things from', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  let site: Site
  let context = ''
  before(async () => {
    daemon = await realDaemon()
    site = await openSite()
    context = mkdtempSync(join(tmpdir(), 'gantry-build-sources-'))
  })
  after(async () => {
    rmSync(context, { recursive: true, force: true })
    await site[Symbol.asyncDispose]()
    await daemon[Symbol.asyncDispose]()
  })

  const docker = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await daemon.docker(...args)
    assert.equal(code, 0, `docker ${args.join(' ')}: ${stderr}`)
    return stdout
  }
  const build = (dockerfile: string, ...args: string[]): ReturnType<RealDaemon['docker']> => {
    writeFileSync(join(context, 'Dockerfile'), dockerfile)
    return daemon.docker('build', ...args, context)
  }
  const made = async (name: string): Promise<string> =>
    (await docker('inspect', '-f', '{{.Architecture}} of {{.Config.Labels.of}}', name)).trim()

  /** What a request that no docker client sends is answered. */
  const post = async (path: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const sent = request({ socketPath: daemon.site.socket, method: 'POST', path, headers }, (response) => {
        readAll(response).then((body) => resolve({ status: response.statusCode ?? 0, text: body.toString() }), reject)
      })
      sent.once('error', reject).end()
    })

  test('a base is that of --platform, also when another platform of it is here already', async () => {
    await publish(site.address, 'multi', 'one')
    const dockerfile = `FROM ${site.address}/multi\nLABEL by=build\n`
    for (const platform of ['amd64', 'arm64', 'amd64']) {
      const done = await build(dockerfile, '--platform', `linux/${platform}`, '-t', 'localhost/multi')
      assert.equal(done.code, 0, done.stderr)
      assert.equal(await made('localhost/multi'), `${platform} of ${platform} one`)
    }
    const unknown = await build(dockerfile, '--platform', 'linux/s390x')
    assert.equal(unknown.code, 1)
    assert.match(unknown.stderr, /linux\/s390x.*it has linux\/amd64, linux\/arm64/)
    assert.match((await build(dockerfile, '--platform', 'linux/no/such/one')).stderr, /platform/i)
  })

  test('a base that is here is asked for again only with --pull', async () => {
    await publish(site.address, 'moving', 'one')
    const dockerfile = `FROM ${site.address}/moving\n`
    const flags = ['--platform', 'linux/amd64', '-t', 'localhost/moving']
    assert.equal((await build(dockerfile, ...flags)).code, 0)
    await publish(site.address, 'moving', 'two')
    const before = site.asked.length
    assert.equal((await build(dockerfile, ...flags)).code, 0)
    assert.deepEqual([await made('localhost/moving'), site.asked.length], ['amd64 of amd64 one', before])
    assert.equal((await build(dockerfile, '--pull', ...flags)).code, 0)
    assert.equal(await made('localhost/moving'), 'amd64 of amd64 two')
  })

  test('a base behind a password comes with the credentials of the client', async () => {
    await publish(site.address, 'hidden/app', 'one')
    const dockerfile = `FROM --platform=linux/amd64 ${site.address}/hidden/app\n`
    const refused = await build(dockerfile)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /UNAUTHORIZED|401|credentials/)
    const config = join(site.files, 'docker')
    mkdirSync(config)
    const auths = { [site.address]: { auth: password.slice('Basic '.length) } }
    writeFileSync(join(config, 'config.json'), JSON.stringify({ auths }))
    await docker('--config', config, 'build', '-t', 'localhost/hidden', context)
    assert.equal(await made('localhost/hidden'), 'amd64 of amd64 one')
    assert.ok(!daemon.log().includes('secret'))
  })

  test('--cache-from takes the steps of an image that was pulled', async () => {
    const name = `${site.address}/cached`
    const dockerfile = 'FROM localhost/busybox\nRUN date +%s%N >/when\n'
    const first = await build(dockerfile, '--build-arg', 'BUILDKIT_INLINE_CACHE=1', '-t', name)
    assert.equal(first.code, 0, first.stderr)
    const layers = await docker('inspect', '-f', '{{.RootFS.Layers}}', name)
    await docker('push', name)
    await docker('rmi', name)
    await docker('builder', 'prune', '-af')
    await docker('pull', name)
    await build(dockerfile, '--cache-from', `localhost/not-here,${name}`, '-t', 'localhost/again')
    assert.equal(await docker('inspect', '-f', '{{.RootFS.Layers}}', 'localhost/again'), layers)
  })

  test('contexts of HTTP and git, which the client fetches, or the daemon where it is asked to', async () => {
    const source = join(site.files, 'source')
    mkdirSync(join(source, 'sub'), { recursive: true })
    writeFileSync(
      join(source, 'sub/Dockerfile'),
      'FROM localhost/busybox\nCOPY what /what\nENTRYPOINT ["cat", "/what"]\n',
    )
    writeFileSync(join(source, 'sub/what'), 'that\n')
    await run('tar', ['-czf', join(site.files, 'context.tar.gz'), '-C', join(source, 'sub'), '.'])
    const git = (...args: string[]): Promise<unknown> =>
      run('git', ['-C', source, '-c', 'user.name=a', '-c', 'user.email=a@test', ...args])
    await git('init', '--quiet', '--initial-branch=main')
    await git('add', 'sub')
    await git('commit', '--quiet', '-m', 'one')
    await run('git', ['clone', '--quiet', '--bare', source, join(site.files, 'project.git')])
    await run('git', ['-C', join(site.files, 'project.git'), 'update-server-info'])
    const addresses = [`http://${site.address}/context.tar.gz`, `http://${site.address}/project.git#main:sub`]
    for (const [index, address] of addresses.entries()) {
      // The client clones with a depth, which this server does not know: git comes through the daemon alone.
      if (index === 0) {
        await docker('build', '-t', 'localhost/by-client', address)
        assert.equal(await docker('run', '--rm', 'localhost/by-client'), 'that\n')
      }
      const query = new URLSearchParams({ remote: address, t: 'localhost/by-daemon' }).toString()
      const { status, text } = await post(`/v1.43/build?${query}`)
      assert.equal(status, 200, text)
      assert.match(text, /Successfully tagged localhost\/by-daemon/)
      assert.equal(await docker('run', '--rm', 'localhost/by-daemon'), 'that\n')
      await docker('rmi', 'localhost/by-daemon')
    }
  })

  test('what is not meant for a builder is refused, with a status', async () => {
    const rows: readonly [query: string, headers: Record<string, string>, status: number, said: RegExp][] = [
      ['remote=/etc', {}, 400, /no address of git or HTTP/],
      ['remote=file:///etc', {}, 400, /no address of git or HTTP/],
      ['cgroupparent=/x', {}, 501, /cgroup/],
      [`securityopt=${encodeURIComponent('["seccomp=unconfined"]')}`, {}, 501, /security options/],
      ['isolation=hyperv', {}, 400, /Windows/],
      ['buildargs=%7B', {}, 400, /invalid buildargs/],
      ['', { 'x-registry-config': 'bm90IGpzb24' }, 400, /invalid X-Registry-Config/],
    ]
    for (const [query, headers, status, said] of rows) {
      const answer = await post(`/v1.43/build?${query}`, headers)
      assert.equal(answer.status, status, query)
      assert.match(answer.text, said)
    }
  })
})
