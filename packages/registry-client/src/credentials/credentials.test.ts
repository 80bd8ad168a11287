import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { forgetCredential, keepCredential, RegistryError, systemCredentials } from '../index.ts'
import type { Credential } from '../index.ts'

const root = mkdtempSync(join(tmpdir(), 'gantry-credentials-'))
after(() => rmSync(root, { recursive: true, force: true }))
let count = 0

/** An environment of its own, without a file in it. */
function fresh(): { home: string; environment: Record<string, string> } {
  const home = join(root, String((count += 1)))
  mkdirSync(home)
  return { home, environment: { HOME: home, XDG_RUNTIME_DIR: join(home, 'run') } }
}

function write(path: string, value: unknown): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value))
  return path
}

const entry = (name: string): object => ({ auth: Buffer.from(`${name}:secret`).toString('base64') })
const nameOf = (found: Credential | undefined): string | undefined =>
  found?.kind === 'basic' ? found.username : found?.kind

describe('credentials are found', () => {
  test('in the first of several places that has them', async () => {
    const { home, environment } = fresh()
    const find = (more: Record<string, string> = {}): Promise<Credential | undefined> =>
      systemCredentials({ ...environment, ...more })('a.example')
    assert.equal(await find(), undefined)
    write(join(home, '.config/containers/auth.json'), { auths: { 'a.example': entry('user-podman') } })
    assert.equal(nameOf(await find()), 'user-podman')
    write(join(home, 'run/containers/auth.json'), { auths: { 'a.example': entry('podman') } })
    assert.equal(nameOf(await find()), 'podman')
    write(join(home, '.docker/config.json'), { auths: { 'a.example': entry('docker') } })
    assert.equal(nameOf(await find()), 'docker')
    const named = write(join(home, 'named.json'), { auths: { 'a.example': entry('named') } })
    assert.equal(nameOf(await find({ REGISTRY_AUTH_FILE: named })), 'named')
    const text = JSON.stringify({ auths: { 'a.example': entry('text') } })
    assert.equal(nameOf(await find({ REGISTRY_AUTH_FILE: named, DOCKER_AUTH_CONFIG: text })), 'text')
    const own = { GANTRY_REGISTRY: 'a.example', GANTRY_REGISTRY_USER: 'own', GANTRY_REGISTRY_PASSWORD: 'secret' }
    assert.equal(nameOf(await find({ ...own, DOCKER_AUTH_CONFIG: text })), 'own')
    assert.equal(nameOf(await find({ ...own, GANTRY_REGISTRY_TOKEN: 'token' })), 'bearer')
  })

  test('in the environment for the registry that is named there, and no other', async () => {
    const { environment } = fresh()
    const own = { ...environment, GANTRY_REGISTRY_USER: 'own', GANTRY_REGISTRY_PASSWORD: 'secret' }
    for (const [named, registry, expected] of [
      [undefined, 'docker.io', 'own'],
      [undefined, 'a.example', undefined],
      ['docker.io', 'docker.io', 'own'],
      ['index.docker.io', 'docker.io', 'own'],
      ['a.example:5000', 'a.example:5000', 'own'],
      ['a.example:5000', 'a.example', undefined],
      ['a.example', 'a.example.evil', undefined],
      ['a.example', 'b.a.example', undefined],
      ['a.example', 'docker.io', undefined],
    ] as const) {
      const source = systemCredentials(named === undefined ? own : { ...own, GANTRY_REGISTRY: named })
      assert.equal(nameOf(await source(registry)), expected, `${named} for ${registry}`)
    }
    const half = { ...environment, GANTRY_REGISTRY_USER: 'own' }
    assert.equal(await systemCredentials(half)('docker.io'), undefined)
  })

  test('nowhere where a name only looks alike', async () => {
    const { home, environment } = fresh()
    write(join(home, '.docker/config.json'), {
      auths: { 'a.example': entry('me'), 'https://b.example/v1/': entry('me') },
    })
    const find = systemCredentials(environment)
    for (const registry of ['a.example.evil', 'xa.example', 'a.example:5000', 'A.example', 'b.example.evil', 'https']) {
      assert.equal(await find(registry), undefined, registry)
    }
    assert.equal(nameOf(await find('b.example')), 'me')
  })

  test('or the file is named, but not what is in it', async () => {
    const { home, environment } = fresh()
    for (const text of ['{"auths": hunter2', '["hunter2"]', '{"auths":{"a.example":{"auth":"aHVudGVyMg=="}}}']) {
      write(join(home, '.docker/config.json'), text)
      const error = await systemCredentials(environment)('a.example').catch((reason: unknown) => reason)
      assert.ok(error instanceof RegistryError && error.code === 'CREDENTIALS', text)
      assert.match(error.message, /config\.json/)
      assert.doesNotMatch(`${error.stack} ${String(error.cause)}`, /hunter2|aHVudGVyMg/)
    }
  })
})

const me: Credential = { kind: 'basic', username: 'me', password: 'pa:ss "word"' }

describe('credentials are kept', () => {
  test('in a file for this user alone, beside what else is in it', async () => {
    const { home, environment } = fresh()
    const path = write(join(home, '.docker/config.json'), { auths: { 'b.example': entry('other') }, psFormat: 'x' })
    chmodSync(path, 0o644)
    assert.deepEqual(await keepCredential('a.example', me, environment), { place: path, isPlain: true })
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(await systemCredentials(environment)('a.example'), me)
    const value = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    assert.equal(value['psFormat'], 'x')
    assert.deepEqual(readdirSync(dirname(path)), ['config.json'])
    assert.equal(await forgetCredential('a.example', environment), true)
    assert.equal(await forgetCredential('a.example', environment), false)
    assert.equal(nameOf(await systemCredentials(environment)('b.example')), 'other')
  })

  test('where there was nothing, for Docker Hub under the name that docker looks for', async () => {
    const { home, environment } = fresh()
    await keepCredential('docker.io', me, environment)
    const directory = join(home, '.docker')
    assert.equal(statSync(directory).mode & 0o777, 0o700)
    const { auths } = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')) as { auths: object }
    assert.deepEqual(Object.keys(auths), ['https://index.docker.io/v1/'])
    assert.deepEqual(await systemCredentials(environment)('docker.io'), me)
  })

  test('behind a link, which stays one', async () => {
    const { home, environment } = fresh()
    const real = write(join(home, 'settings/docker.json'), {})
    mkdirSync(join(home, '.docker'))
    symlinkSync(real, join(home, '.docker/config.json'))
    await keepCredential('a.example', me, environment)
    assert.ok(lstatSync(join(home, '.docker/config.json')).isSymbolicLink())
    assert.match(readFileSync(real, 'utf8'), /a\.example/)
  })

  test('not over a file that cannot be read', async () => {
    const { home, environment } = fresh()
    const path = write(join(home, '.docker/config.json'), '{ broken')
    await assert.rejects(keepCredential('a.example', me, environment), { code: 'CREDENTIALS' })
    assert.equal(readFileSync(path, 'utf8'), '{ broken')
  })
})

describe('a credential helper', () => {
  const bin = join(root, 'bin')
  const kept = join(root, 'kept')
  mkdirSync(bin)
  mkdirSync(kept)
  const program = (name: string, text: string): void => {
    const path = write(join(bin, `docker-credential-${name}`), `#!/bin/sh\n${text}\n`)
    chmodSync(path, 0o755)
  }
  // Keeps each server's in a file of its own.
  program(
    'files',
    `input=$(cat); key() { echo "$1" | tr -c 'a-z0-9\\n' _; }
case $1 in
store) server=$(echo "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/'); echo "$input" > ${kept}/$(key "$server") ;;
get) cat ${kept}/$(key "$input") 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;
erase) rm ${kept}/$(key "$input") ;;
esac`,
  )
  program('broken', 'echo "hunter2 is not JSON"')
  program('failing', 'echo "hunter2 cannot be kept" >&2; exit 3')
  const before = process.env['PATH']
  process.env['PATH'] = `${bin}:${before}`
  after(() => (process.env['PATH'] = before))

  for (const [name, config] of [
    ['for everything', { credsStore: 'files' }],
    ['for one registry', { credHelpers: { 'a.example': 'files' } }],
  ] as const) {
    test(`${name} is asked to keep, get and forget`, async () => {
      const { home, environment } = fresh()
      const path = write(join(home, '.docker/config.json'), config)
      const credential: Credential = { kind: 'basic', username: 'me', password: 'pass' }
      assert.deepEqual(await keepCredential('a.example', credential, environment), {
        place: 'docker-credential-files',
        isPlain: false,
      })
      assert.doesNotMatch(readFileSync(path, 'utf8'), /pass/)
      assert.deepEqual(await systemCredentials(environment)('a.example'), credential)
      assert.equal(await systemCredentials(environment)('b.example'), undefined)
      assert.equal(await forgetCredential('a.example', environment), true)
      assert.equal(await systemCredentials(environment)('a.example'), undefined)
      assert.equal(await forgetCredential('a.example', environment), false)
      assert.deepEqual(readdirSync(kept), [])
    })
  }

  test('keeps tokens as docker does', async () => {
    const { home, environment } = fresh()
    write(join(home, '.docker/config.json'), { credsStore: 'files' })
    await keepCredential('a.example', { kind: 'identity', token: 'refresh' }, environment)
    assert.deepEqual(await systemCredentials(environment)('a.example'), { kind: 'identity', token: 'refresh' })
    await forgetCredential('a.example', environment)
  })

  for (const [helper, pattern] of [
    ['broken', /its answer is not JSON/],
    ['failing', /have it keep the credentials of "a\.example": EXIT$/],
    ['not-there', /it is not installed$/],
    ['../evil', /that is no name$/],
  ] as const) {
    test(`that is ${helper} is named, and what it wrote is not shown`, async () => {
      const { home, environment } = fresh()
      write(join(home, '.docker/config.json'), { credsStore: helper })
      const tried =
        helper === 'broken' ? systemCredentials(environment)('a.example') : keepCredential('a.example', me, environment)
      const error = await tried.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      assert.ok(error instanceof RegistryError && error.code === 'CREDENTIALS', String(error))
      assert.match(error.message, pattern)
      assert.doesNotMatch(`${error.stack} ${String(error.cause)}`, /hunter2|pa:ss/)
      assert.ok(existsSync(bin))
    })
  }
})
