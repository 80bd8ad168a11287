import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { createCodec, digestOf } from '@gantry/codec'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import { bytesOf, file, imageOf, toolsMissing } from '@gantry/testing'
import { createRegistry } from '../create-registry.ts'
import { diskStorage } from '../disk-storage.ts'
import { registryMigrations } from '../registry-migrations.ts'
import { createLimits } from '../limits/create-limits.ts'
import { parseLimitsConfig } from '../limits/limits-config.ts'
import { serveRegistry } from '../serve-registry.ts'
import type { ServedRegistry } from '../serve-registry.ts'
import { parseAccessConfig } from './access-config.ts'
import { createApiKey } from './api-keys.ts'
import { createAccess } from './create-access.ts'
import type { AccessRefusal } from './create-access.ts'
import { htpasswdEntry } from './htpasswd.ts'

const run = promisify(execFile)
const opened: AsyncDisposableStack = new AsyncDisposableStack()
const refusals: AccessRefusal[] = []
let directory = ''
let layout = ''
let key = ''
let secure: ServedRegistry
let plain: ServedRegistry
let limited: ServedRegistry
let digest = ''

const at = (...names: string[]): string => join(directory, ...names)
const skip = (...names: string[]): string | false => toolsMissing('openssl', ...names) ?? false

/** Runs a client with a home of its own; logins are kept there. */
async function client(home: string, command: string, ...args: string[]): Promise<string> {
  await mkdir(at(home), { recursive: true })
  // Podman and buildah do not start when the file is not there.
  await writeFile(at(home, 'auth.json'), '{}', { flag: 'wx' }).catch(() => undefined)
  const environment = {
    PATH: process.env['PATH'],
    HOME: at(home),
    TMPDIR: at(home),
    XDG_RUNTIME_DIR: at(home),
    REGISTRY_AUTH_FILE: at(home, 'auth.json'),
    DOCKER_CONFIG: at(home),
    DOCKER_HOST: `unix://${at('no-docker.sock')}`,
    SSL_CERT_FILE: at('ca.crt'),
  }
  const { stdout } = await run(command, args, { env: environment, timeout: 120_000 })
  return stdout
}

/** A private authority, and a certificate of it for the loopback address. */
async function makeCertificates(): Promise<void> {
  const openssl = (line: string): Promise<unknown> => run('openssl', line.split(' '), { cwd: directory })
  const curve = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
  await openssl(`req -x509 ${curve} -days 2 -subj /CN=authority -keyout ca.key -out ca.crt`)
  await openssl(`req ${curve} -subj /CN=registry -keyout tls.key -out tls.csr`)
  await writeFile(at('extensions'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  await openssl(
    'x509 -req -days 2 -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile extensions -out tls.crt',
  )
  await mkdir(at('certs'))
  await writeFile(at('certs', 'ca.crt'), await readFile(at('ca.crt')))
}

before(async () => {
  if (toolsMissing('openssl') !== undefined) return
  directory = await mkdtemp(join(tmpdir(), 'gantry-clients-'))
  await makeCertificates()
  const lines = [await htpasswdEntry('alice', 'wonder land', { cost: 5 }), await htpasswdEntry('bob', 'b', { cost: 5 })]
  await writeFile(at('htpasswd'), `${lines.join('\n')}\n`)
  const codec = opened.use(createCodec())
  const state = opened.use(openState(at('state.db'), [storeMigrations, ...registryMigrations]))
  const store = opened.use(await openStore({ root: at('content'), state, codec }))
  const storage = opened.use(diskStorage(store))
  const registry = opened.use(createRegistry({ storage, state }))
  const config = parseAccessConfig({
    htpasswd: at('htpasswd'),
    rules: [
      { who: ['everyone'], repositories: ['public/**'], actions: ['pull'] },
      { who: ['users'], repositories: ['{user}/**'], actions: ['*'] },
      { who: ['user:alice'], repositories: ['public/**'], actions: ['*'] },
    ],
  })
  const onRefused = (refusal: AccessRefusal): void => void refusals.push(refusal)
  const access = opened.use(await createAccess({ config, state, onRefused }))
  const limits = createLimits({
    config: parseLimitsConfig({
      maxBlobSize: '1MB',
      immutable: [{ repositories: ['alice/**'], tags: ['v*'] }],
      rates: [{ per: 'peer', methods: ['PUT'], requests: 2, within: '1s' }],
    }),
    state,
    storage,
  })
  const behind = { answer: access.before(registry.answer) }
  limited = await serveRegistry({
    registry: { answer: limits.beforeAccess(access.before(limits.afterAccess(registry.answer))) },
    port: 0,
  })
  key = createApiKey(state, { name: 'ci', rules: [{ repositories: ['alice/**'], actions: ['pull'] }] }).secret
  secure = await serveRegistry({ registry: behind, port: 0, tls: { keyFile: at('tls.key'), certFile: at('tls.crt') } })
  plain = await serveRegistry({ registry: behind, port: 0 })
  const image = await imageOf(store, [[file('hello', 'hello from a registry that knows who asks\n')]], {
    codec,
    compression: 'gzip',
  })
  await store.tag('localhost/hello:1', image.descriptor)
  const other = await imageOf(store, [[file('hello', 'another\n')]], { codec, compression: 'gzip' })
  await store.tag('localhost/other:1', other.descriptor)
  const large = await imageOf(store, [[file('large', bytesOf(1, 2_000_000))]], { codec })
  await store.tag('localhost/large:1', large.descriptor)
  await store.flush()
  digest = image.descriptor.digest
  layout = `oci:${store.root}:localhost/hello:1`
})
after(async () => {
  await secure?.close({ timeout: 1000 })
  await plain?.close({ timeout: 1000 })
  await limited?.close({ timeout: 1000 })
  await opened.disposeAsync()
  if (directory !== '') await rm(directory, { recursive: true, force: true })
})

const host = (): string => `127.0.0.1:${secure.port}`

describe('clients of a registry with access control, over TLS of a private authority', () => {
  test(
    'skopeo logs in, pushes, pulls, mounts, deletes, and is refused what it may not',
    { skip: skip('skopeo') },
    async () => {
      const skopeo = (home: string, ...args: string[]): Promise<string> => client(home, 'skopeo', ...args)
      const certs = at('certs')
      await assert.rejects(skopeo('s', 'login', '--cert-dir', certs, '-u', 'alice', '-p', 'wrong', host()))
      await assert.rejects(skopeo('s', 'copy', '--dest-cert-dir', certs, layout, `docker://${host()}/alice/hello:1`))
      await skopeo('s', 'login', '--cert-dir', certs, '-u', 'alice', '-p', 'wonder land', host())
      for (const name of ['alice/hello:1', 'public/hello:1']) {
        await skopeo('s', 'copy', '--preserve-digests', '--dest-cert-dir', certs, layout, `docker://${host()}/${name}`)
      }
      const both = ['--src-cert-dir', certs, '--dest-cert-dir', certs]
      await skopeo('s', 'copy', ...both, `docker://${host()}/alice/hello:1`, `docker://${host()}/alice/copy:1`)
      const raw = await skopeo('s', 'inspect', '--raw', '--cert-dir', certs, `docker://${host()}/alice/copy:1`)
      assert.equal(digestOf(Buffer.from(raw)), digest)
      const refused = skopeo('s', 'copy', '--dest-cert-dir', certs, layout, `docker://${host()}/bob/hello:1`)
      await assert.rejects(refused, /403|denied/)
      await skopeo('s', 'delete', '--cert-dir', certs, `docker://${host()}/alice/copy:1`)
      await assert.rejects(skopeo('s', 'inspect', '--cert-dir', certs, `docker://${host()}/alice/copy:1`))
      const anonymous = await skopeo(
        'none',
        'inspect',
        '--raw',
        '--cert-dir',
        certs,
        `docker://${host()}/public/hello:1`,
      )
      assert.equal(digestOf(Buffer.from(anonymous)), digest)
      await assert.rejects(skopeo('none', 'inspect', '--cert-dir', certs, `docker://${host()}/alice/hello:1`))
      const credentials = ['--creds', `robot:${key}`, '--cert-dir', certs]
      await skopeo('none', 'inspect', '--raw', ...credentials, `docker://${host()}/alice/hello:1`)
      await assert.rejects(skopeo('none', 'delete', ...credentials, `docker://${host()}/alice/hello:1`))
    },
  )

  test('podman logs in, pushes and pulls', { skip: skip('podman') }, async () => {
    const storage = ['--root', at('p', 'root'), '--runroot', at('p', 'run'), '--storage-driver', 'vfs']
    const podman = (...args: string[]): Promise<string> => client('p', 'podman', ...storage, ...args)
    const tls = ['--cert-dir', at('certs')]
    await run('tar', ['-cf', at('root.tar'), '-C', directory, 'extensions'])
    const image = (await podman('import', '-q', at('root.tar'))).trim()
    const name = `${host()}/bob/podman:1`
    await assert.rejects(podman('push', '-q', ...tls, image, name))
    await assert.rejects(podman('login', ...tls, '-u', 'bob', '-p', 'wrong', host()))
    await podman('login', ...tls, '-u', 'bob', '-p', 'b', host())
    await podman('push', '-q', ...tls, image, name)
    await assert.rejects(podman('push', '-q', ...tls, image, `${host()}/public/podman:1`))
    await podman('rmi', '-a', '-f')
    await podman('pull', '-q', ...tls, name)
    await podman('logout', host())
    await podman('rmi', '-a', '-f')
    await assert.rejects(podman('pull', '-q', ...tls, name))
  })

  test('buildah builds and pushes with credentials on the command line', { skip: skip('buildah') }, async () => {
    const storage = ['--root', at('b', 'root'), '--runroot', at('b', 'run'), '--storage-driver', 'vfs']
    const buildah = (...args: string[]): Promise<string> => client('b', 'buildah', ...storage, ...args)
    const container = (await buildah('from', 'scratch')).trim()
    await buildah('commit', '-q', container, 'made')
    const name = `docker://${host()}/bob/buildah:1`
    await assert.rejects(buildah('push', '-q', '--cert-dir', at('certs'), '--creds', 'bob:wrong', 'made', name))
    await buildah('push', '-q', '--cert-dir', at('certs'), '--creds', 'bob:b', 'made', name)
  })

  test('crane logs in, copies with a mount, lists and deletes', { skip: skip('crane', 'skopeo') }, async () => {
    const crane = (...args: string[]): Promise<string> => client('c', 'crane', ...args)
    const creds = ['--dest-creds', 'alice:wonder land', '--dest-cert-dir', at('certs')]
    await client('c', 'skopeo', 'copy', '--preserve-digests', ...creds, layout, `docker://${host()}/alice/crane:1`)
    await assert.rejects(crane('digest', `${host()}/alice/crane:1`))
    await crane('auth', 'login', host(), '-u', 'alice', '-p', 'wonder land')
    assert.equal((await crane('digest', `${host()}/alice/crane:1`)).trim(), digest)
    await crane('copy', `${host()}/alice/crane:1`, `${host()}/public/crane:1`)
    assert.match(await crane('catalog', host()), /^alice\/crane$/m)
    await assert.rejects(crane('copy', `${host()}/alice/crane:1`, `${host()}/bob/crane:1`), /403 Forbidden|DENIED/)
    await crane('delete', `${host()}/public/crane@${digest}`)
  })

  test('oras logs in, pushes an artifact and attaches another', { skip: skip('oras') }, async () => {
    const oras = (...args: string[]): Promise<string> => client('o', 'oras', ...args)
    const tls = ['--ca-file', at('ca.crt')]
    await writeFile(at('notes.txt'), 'notes\n')
    const artifact = ['--disable-path-validation', `${at('notes.txt')}:text/plain`]
    await assert.rejects(oras('push', ...tls, `${host()}/bob/notes:1`, ...artifact))
    await oras('login', ...tls, '-u', 'bob', '-p', 'b', host())
    await oras('push', ...tls, `${host()}/bob/notes:1`, ...artifact)
    await oras('attach', ...tls, '--artifact-type', 'text/x-sign', `${host()}/bob/notes:1`, ...artifact)
    assert.match(await oras('discover', ...tls, `${host()}/bob/notes:1`), /text\/x-sign/)
  })

  test(
    'docker logs in with a token that stays, which skopeo uses too',
    { skip: skip('docker', 'skopeo') },
    async () => {
      const registry = `127.0.0.1:${plain.port}`
      await assert.rejects(client('d', 'docker', 'login', '-u', 'bob', '-p', 'wrong', registry))
      await client('d', 'docker', 'login', '-u', 'bob', '-p', 'b', registry)
      const config = await readFile(at('d', 'config.json'), 'utf8')
      assert.match(config, /identitytoken/)
      const target = `docker://${registry}/bob/docker:1`
      const args = ['copy', '--authfile', at('d', 'config.json'), '--dest-tls-verify=false']
      await client('d', 'skopeo', ...args, layout, target)
      await client('d', 'docker', 'logout', registry)
      await assert.rejects(client('d', 'skopeo', ...args, layout, target))
    },
  )

  test('skopeo waits where it has to, and is told what it may not change', { skip: skip('skopeo') }, async () => {
    const large = ({ port }: { port: number }): string => `docker://127.0.0.1:${port}/alice/limited:large`
    const push = (name: string, to: string): Promise<string> => {
      const target = `docker://127.0.0.1:${limited.port}/alice/${to}`
      const options = ['--dest-creds', 'alice:wonder land', '--dest-tls-verify=false', '--retry-times', '1']
      return client('l', 'skopeo', 'copy', ...options, layout.replace('hello', name), target)
    }
    // Each image is three PUTs, of which two are let pass in a second.
    await push('hello', 'limited:v1')
    await push('hello', 'limited:v1')
    await assert.rejects(push('other', 'limited:v1'), /immutable/)
    await push('other', 'limited:latest')
    // It is still sending when it is refused, and now and then stumbles over that before it reads the answer.
    await assert.rejects(push('large', 'limited:large'), /413|at most 1000000 bytes|broken pipe|connection reset/)
    const seen = client('l', 'skopeo', 'inspect', '--creds', 'alice:wonder land', '--tls-verify=false', large(limited))
    await assert.rejects(seen, /manifest unknown/)
  })

  test('none of it is in what is told of refusals', { skip: skip('skopeo') }, () => {
    assert.ok(refusals.length > 0)
    const told = JSON.stringify(refusals)
    for (const secret of ['wonder land', key.slice(30)]) assert.ok(!told.includes(secret))
  })
})
