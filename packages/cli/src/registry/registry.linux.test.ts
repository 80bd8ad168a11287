import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runTool, toolsMissing } from '@gantry/testing'
import { gantry } from '../testing/scripted-daemon.ts'
import type { CliResult } from '../testing/scripted-daemon.ts'

const skip = toolsMissing('skopeo', 'umoci') ?? false
const podman = skip === false ? (toolsMissing('podman') ?? false) : skip
const main = new URL('../main.ts', import.meta.url).pathname

interface Server {
  readonly child: ChildProcess
  readonly address: string
  readonly metrics: string
  readonly log: () => string
}

/** What the README's section on the registry says, done as it says. */
describe('the registry, as a new user meets it', { skip }, () => {
  let directory = ''
  let server: Server
  const root = (): string => join(directory, 'root')
  const env = (): Record<string, string> => ({ GANTRY_ROOT: root(), GANTRY_RUN: join(directory, 'run') })
  const run = (...args: string[]): Promise<CliResult> => gantry(args, { env: env() })

  async function start(...args: string[]): Promise<Server> {
    const options = ['--addr', '127.0.0.1:0', '--metrics-addr', '127.0.0.1:0', ...args]
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', main, 'registry', 'serve', ...options],
      { env: { ...process.env, ...env() }, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let out = ''
    let log = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
    while (!out.includes('Metrics are on')) {
      if (child.exitCode !== null) assert.fail(`the server ended: ${log}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const address = /registry on (\S+)/.exec(out)?.[1] ?? ''
    const metrics = /Metrics are on (\S+)/.exec(out)?.[1] ?? ''
    return { child, address, metrics, log: () => log }
  }

  async function stop({ child }: Server): Promise<unknown> {
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    return exited
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gantry-registry-'))
    const users = join(directory, 'users')
    const made = await gantry(['registry', 'htpasswd', '--cost', '5', users, 'ann'], { env: env(), input: 'secret' })
    assert.equal(made.code, 0, made.stderr)
    assert.match(readFileSync(users, 'utf8'), /^ann:\$2y\$05\$/)
    server = await start('--htpasswd', users)
    await runTool('umoci', ['init', '--layout', join(directory, 'app')])
    await runTool('umoci', ['new', '--image', `${join(directory, 'app')}:v1`])
  })
  after(async () => {
    if (server.child.exitCode === null) await stop(server)
    await rm(directory, { recursive: true, force: true })
  })

  const host = (): string => server.address.replace('http://', '')
  const ask = async (path: string, password = 'secret'): Promise<Response> =>
    fetch(server.address + path, { headers: { Authorization: `Basic ${btoa(`ann:${password}`)}` } })

  test('skopeo logs in, pushes and pulls', async () => {
    const auth = ['--authfile', join(directory, 'auth.json')]
    await runTool('skopeo', ['login', ...auth, '--tls-verify=false', '-u', 'ann', '-p', 'secret', host()])
    const remote = `docker://${host()}/team/app:v1`
    const layout = `oci:${join(directory, 'app')}:v1`
    await runTool('skopeo', ['copy', ...auth, '--dest-tls-verify=false', layout, remote])
    await runTool('skopeo', ['copy', ...auth, '--src-tls-verify=false', remote, `oci:${join(directory, 'back')}:v1`])
    await assert.rejects(
      runTool('skopeo', ['inspect', '--no-creds', '--tls-verify=false', remote]),
      /unauthorized|401/i,
    )
  })

  test('podman pulls it', { skip: podman }, async () => {
    const storage = ['--root', join(directory, 'podman'), '--runroot', join(directory, 'podman-run')]
    const vfs = ['--storage-driver', 'vfs', '--events-backend', 'none']
    const auth = ['--authfile', join(directory, 'auth.json'), '--tls-verify=false', '-q']
    await runTool('podman', [...storage, ...vfs, 'pull', ...auth, `${host()}/team/app:v1`])
  })

  test('the tags are told with what they stand for, to those who may know', async () => {
    const response = await ask('/v2/_gantry/tags?repository=team/app&sort=time')
    const { tags } = (await response.json()) as { tags: { tag: string; platforms: string[] }[] }
    assert.deepEqual(
      tags.map(({ tag }) => tag),
      ['v1'],
    )
    assert.match(tags[0]?.platforms[0] ?? '', /^linux\//)
    assert.equal((await fetch(`${server.address}/v2/_gantry/search`)).status, 401)
    assert.equal((await ask('/v2/_gantry/search', 'wrong')).status, 401)
  })

  test('metrics, health and the log tell of it', async () => {
    const text = await (await fetch(`${server.metrics}/metrics`)).text()
    assert.match(text, /gantry_registry_requests_total\{method="PUT",route="manifest",status="201"\} 1/)
    assert.match(text, /gantry_registry_tags 1\n/)
    assert.equal((await fetch(`${server.address}/readyz`)).status, 200)
    assert.equal((await fetch(`${server.address}/metrics`)).status, 401)
    const lines = server
      .log()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.ok(lines.some((line) => line['actor'] === 'ann' && line['method'] === 'PUT' && line['status'] === 201))
    assert.doesNotMatch(server.log(), /secret/)
  })

  test('a key may do what it was given, and nothing after it was revoked', async () => {
    const made = await run('registry', 'key', 'create', 'ci', '--allow', 'team/**:pull')
    assert.equal(made.code, 0, made.stderr)
    const key = made.stdout.trim()
    assert.equal((await ask('/v2/team/app/manifests/v1', key)).status, 200)
    const headers = { Authorization: `Basic ${btoa(`x:${key}`)}` }
    const upload = await fetch(`${server.address}/v2/team/app/blobs/uploads/`, { method: 'POST', headers })
    assert.equal(upload.status, 403)
    assert.match((await run('registry', 'key', 'ls')).stdout, /ci .*team\/\*\*:pull/)
    const removed = await run('registry', 'key', 'rm', 'ci')
    assert.equal(removed.code, 0)
    // Keys alone may have been what closed it.
    assert.match(removed.stderr, /no key is left.*open to everybody/)
    const again = await run('registry', 'key', 'rm', 'ci')
    assert.equal(again.code, 1)
    assert.doesNotMatch(again.stderr, /no key is left/)
    assert.equal((await ask('/v2/team/app/manifests/v1', key)).status, 401)
  })

  test('retention says which tag would go and why, and takes nothing when it is only asked', async () => {
    const file = join(directory, 'retention.json')
    const rule = { repositories: ['team/**'], keep: [{ tags: ['release-*'] }], untagged: '30d' }
    writeFileSync(file, JSON.stringify({ retention: { rules: [rule] } }))
    const { code, stdout } = await run('registry', 'retention', '--config', file, '--dry-run')
    assert.equal(code, 0)
    assert.match(stdout, /^team\/app: 1 tags and \d manifests go/)
    assert.match(stdout, /\n  v1 +[0-9a-f]{12} +\S.* ago +no rule is about it\n/)
    assert.match(stdout, /Would remove 1 tags/)
    assert.equal((await ask('/v2/team/app/manifests/v1')).status, 200)
  })

  test('what was deleted is collected beside the server', async () => {
    const head = await ask('/v2/team/app/manifests/v1')
    const digest = head.headers.get('docker-content-digest') ?? ''
    const headers = { Authorization: `Basic ${btoa('ann:secret')}` }
    const deleted = await fetch(`${server.address}/v2/team/app/manifests/${digest}`, { method: 'DELETE', headers })
    assert.equal(deleted.status, 202)
    assert.match((await run('registry', 'gc', '--dry-run')).stdout, /^Would remove \d+ blobs/)
    const { stdout } = await run('registry', 'gc', '--json')
    assert.equal((JSON.parse(stdout) as { dryRun: boolean }).dryRun, false)
    const text = await (await fetch(`${server.metrics}/metrics`)).text()
    assert.match(text, /gantry_registry_gc_runs_total 1\n/)
    const scrubbed = await run('registry', 'scrub')
    assert.equal(scrubbed.code, 0, scrubbed.stdout)
  })

  test('it ends well, and a request under way ends first', async () => {
    const { port, hostname } = new URL(server.address)
    const { connect } = await import('node:net')
    const socket = connect(Number(port), hostname)
    const body = 'x'.repeat(1000)
    const started = await fetch(`${server.address}/v2/team/app/blobs/uploads/`, {
      method: 'POST',
      headers: { Authorization: `Basic ${btoa('ann:secret')}` },
    })
    const location = started.headers.get('location') ?? ''
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    socket.write(
      `PATCH ${location} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${btoa('ann:secret')}\r\nContent-Length: 1000\r\n\r\n`,
    )
    socket.write(body.slice(0, 500))
    await new Promise((resolve) => setTimeout(resolve, 200))
    const exited = stop(server)
    while (
      await fetch(server.address).then(
        () => true,
        () => false,
      )
    )
      await new Promise((resolve) => setTimeout(resolve, 10))
    socket.write(body.slice(500))
    assert.deepEqual(await exited, [0, null])
    assert.match(answer, /^HTTP\/1\.1 202 /)
    assert.match(answer, /connection: close/i)
  })

  test('a configuration that is wrong is refused with its place, and on SIGHUP leaves everything as it is', async () => {
    const file = join(directory, 'registry.json')
    writeFileSync(file, JSON.stringify({ gc: { evry: '1h' } }))
    const refused = await run('registry', 'serve', '--config', file)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /gc\.evry is not known; allowed here: enabled, every, grace, pending, uploads/)
    writeFileSync(file, JSON.stringify({}))
    server = await start('--config', file)
    const push = async (): Promise<number> =>
      (await fetch(`${server.address}/v2/app/blobs/uploads/`, { method: 'POST' })).status
    assert.equal(await push(), 202)
    const reload = async (text: string, says: RegExp): Promise<void> => {
      writeFileSync(file, text)
      server.child.kill('SIGHUP')
      while (!says.test(server.log())) await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await reload('{', /is no JSON/)
    assert.equal(await push(), 202)
    await reload(JSON.stringify({ readOnly: true }), /goes on with another configuration/)
    assert.equal(await push(), 405)
  })
})
