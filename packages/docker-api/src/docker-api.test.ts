import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { ApiError, type ContainerCreateBody } from '@gantry/client'
import { fakeDaemon, type FakeDaemon } from '@gantry/testing/runtime'

/** Sends bytes as they are and reads until the daemon closes, or until `done` says that it is enough. */
function raw(daemon: FakeDaemon, text: string, done: (answer: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect({ path: daemon.socket, allowHalfOpen: true }, () => socket.write(text))
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      if (done(answer)) socket.destroy()
    })
    socket.on('close', () => resolve(answer))
    socket.on('end', () => socket.end())
    socket.on('error', reject)
  })
}

function request(line: string, headers = '', body = ''): string {
  const length = body === '' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`
  return `${line} HTTP/1.1\r\nHost: x\r\n${headers}${length}\r\n${body}`
}

const close = 'Connection: close\r\n'
const status = (code: number) => (error: unknown) => error instanceof ApiError && error.status === code

async function started(daemon: FakeDaemon, body: Partial<ContainerCreateBody> = {}): Promise<string> {
  const { Id } = await daemon.client.containers.create({ Image: 'busybox', Cmd: ['sleep', '9'], ...body })
  await daemon.client.containers.start(Id)
  return Id
}

describe('the HTTP front', () => {
  test('answers pings with the headers that clients decide by', async () => {
    await using daemon = await fakeDaemon()
    for (const path of ['/_ping', '/v1.24/_ping', '/v1.47/_ping']) {
      const answer = await raw(daemon, request(`GET ${path}`, close))
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
      assert.match(answer, /\r\nApi-Version: 1\.47\r\n/)
      assert.match(answer, /\r\nOstype: linux\r\n/)
      assert.ok(answer.endsWith('\r\n\r\nOK'))
    }
    assert.ok((await raw(daemon, request('HEAD /_ping', close))).endsWith('\r\n\r\n'))
  })

  test('refuses versions in the words that clients know', async () => {
    await using daemon = await fakeDaemon()
    const old = await raw(daemon, request('GET /v1.12/info', close))
    assert.match(old, /^HTTP\/1\.1 400 /)
    assert.match(old, /client version 1\.12 is too old\. Minimum supported API version is 1\.24/)
    assert.match(await raw(daemon, request('GET /v9.1/info', close)), /client version 9\.1 is too new/)
  })

  test('unknown paths are JSON too, known ones that are not there yet are named', async () => {
    await using daemon = await fakeDaemon()
    const unknown = await raw(daemon, request('GET /nothing', close))
    assert.match(unknown, /^HTTP\/1\.1 404 /)
    assert.match(unknown, /\{"message":"page not found"/)
    assert.match(
      await raw(daemon, request('GET /images/search', close)),
      /^HTTP\/1\.1 501 .*not supported by Gantry yet/s,
    )
    assert.match(await raw(daemon, request('GET /swarm', close)), /^HTTP\/1\.1 503 .*not a swarm manager/s)
  })

  test('serves requests one after another on a connection, pipelined ones too', async () => {
    await using daemon = await fakeDaemon()
    const answer = await raw(daemon, request('GET /_ping') + request('GET /_ping') + request('GET /_ping', close))
    assert.equal(answer.split('HTTP/1.1 200 OK').length, 4)
  })

  test('takes chunked bodies, and 100-continue', async () => {
    await using daemon = await fakeDaemon()
    const body = JSON.stringify({ Image: 'busybox', Cmd: ['true'] })
    const chunks = `${(10).toString(16)}\r\n${body.slice(0, 10)}\r\n${(body.length - 10).toString(16)};x=y\r\n${body.slice(10)}\r\n0\r\n\r\n`
    const head = `Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n${close}`
    const answer = await raw(daemon, request('POST /containers/create', head) + chunks)
    assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 Created/)
  })

  test('refuses what is not HTTP or not JSON', async () => {
    await using daemon = await fakeDaemon()
    assert.match(await raw(daemon, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /)
    assert.match(await raw(daemon, request('POST /containers/create', close, '{"Image":')), /400 .*invalid JSON/s)
    assert.match(await raw(daemon, request('POST /containers/create', close, '{"Image": 5}')), /400 .*invalid Image/s)
    const both = 'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n'
    assert.match(await raw(daemon, request('POST /containers/create', both)), /^HTTP\/1\.1 400 /)
    assert.match(await raw(daemon, `GET /${'x'.repeat(70_000)}`), /^HTTP\/1\.1 400 /)
  })

  test('an upgrade whose JSON and input come in one packet keeps both', async () => {
    await using daemon = await fakeDaemon()
    const id = await started(daemon)
    const exec = await daemon.client.exec.create(id, { Cmd: ['cat'], AttachStdin: true, AttachStdout: true, Tty: true })
    const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n'
    const answer = await raw(
      daemon,
      `${request(`POST /exec/${exec}/start`, upgrade, '{"Detach":false,"Tty":true}')}INPUT`,
      (text) => text.endsWith('INPUT'),
    )
    assert.match(answer, /^HTTP\/1\.1 101 UPGRADED\r\n/)
    assert.match(answer, /\r\nContent-Type: application\/vnd\.docker\.raw-stream\r\n/)
    assert.ok(answer.endsWith('\r\n\r\nINPUT'))
  })

  test('without an upgrade a stream is 200 and unchunked, and old versions have no multiplexed type', async () => {
    await using daemon = await fakeDaemon()
    const { Id } = await daemon.client.containers.create({ Image: 'busybox', Cmd: ['echo', 'hi'] })
    const answer = raw(daemon, request(`POST /v1.41/containers/${Id}/attach?stream=1&stdout=1`))
    await new Promise((resolve) => setTimeout(resolve, 50))
    await daemon.client.containers.start(Id)
    const text = await answer
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/)
    assert.match(text, /application\/vnd\.docker\.raw-stream/)
    assert.doesNotMatch(text, /Transfer-Encoding/)
    assert.ok(text.endsWith('\x01\0\0\0\0\0\0\x03hi\n'))
  })

  test('a client that leaves ends what was done for it', async () => {
    await using daemon = await fakeDaemon()
    const id = await started(daemon)
    const gone = new AbortController()
    const following = (async () => {
      for await (const chunk of await daemon.client.containers.logs(id, { follow: true, signal: gone.signal }))
        void chunk
    })()
    const watching = (async () => {
      for await (const event of daemon.client.events({ signal: gone.signal })) void event
    })()
    while (daemon.world.engine.watchers === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    gone.abort()
    await assert.rejects(following, (error: unknown) => error instanceof ApiError && error.code === 'ABORTED')
    await assert.rejects(watching)
    while (daemon.world.engine.watchers > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  })
})

describe('containers', () => {
  test('wait answers its head at once and its body at the exit', async () => {
    await using daemon = await fakeDaemon()
    const id = await started(daemon)
    await assert.rejects(daemon.client.containers.wait(id, { condition: 'never' as 'removed' }), status(400))
    await assert.rejects(daemon.client.containers.wait('nothing'), status(404))
    const waiting = await daemon.client.containers.wait(id, { condition: 'removed' })
    await daemon.client.containers.remove(id, { force: true })
    assert.deepEqual(await waiting.result, { StatusCode: 137 })
  })

  test('statuses are those of Docker', async () => {
    await using daemon = await fakeDaemon()
    const { containers, exec } = daemon.client
    const id = await started(daemon)
    assert.equal(await containers.start(id), false)
    await assert.rejects(containers.remove(id), status(409))
    await assert.rejects(containers.create({ Image: 'nothing' }), status(404))
    await containers.rename(id, 'named')
    await assert.rejects(containers.create({ Image: 'busybox' }, { name: 'named' }), status(409))
    await containers.pause(id)
    await assert.rejects(exec.create(id, { Cmd: ['true'] }), status(409))
    await containers.unpause(id)
    await assert.rejects(exec.inspect('nothing'), status(404))
    const process = await exec.create(id, { Cmd: ['true'] })
    await exec.resize(process, { height: 1, width: 1 })
    assert.equal(await containers.stop(id), true)
    assert.equal(await containers.stop(id), false)
    await assert.rejects(containers.kill(id), status(409))
    await containers.remove(id)
    await assert.rejects(containers.remove(id), status(404))
  })

  test('lists filter in both JSON forms and refuse unknown keys', async () => {
    await using daemon = await fakeDaemon()
    const id = await started(daemon, { Labels: { a: 'b' } })
    await started(daemon)
    const list = async (filters: string): Promise<string> =>
      raw(daemon, request(`GET /containers/json?filters=${encodeURIComponent(filters)}`, close))
    for (const filters of ['{"label":["a=b"]}', '{"label":{"a=b":true}}', '{"label":["a"],"status":["running"]}']) {
      const answer = await list(filters)
      assert.ok(answer.includes(id) && answer.split('"Id"').length === 2, filters)
    }
    assert.match(await list('{"nothing":["x"]}'), /400 .*invalid filter 'nothing'/s)
    assert.match(await list('{"status":["asleep"]}'), /400 /)
    assert.match(await list('{"label":["c"]}'), /\[\]\s*$/)
  })

  test('a name server that is no address is refused', async () => {
    await using daemon = await fakeDaemon()
    await assert.rejects(
      daemon.client.containers.create({ Image: 'busybox', Cmd: ['true'], HostConfig: { Dns: ['nonsense'] } }),
      /"nonsense" is not an IP address/,
    )
  })

  test('what was asked for is shown again', async () => {
    await using daemon = await fakeDaemon()
    const { Id } = await daemon.client.containers.create({
      Image: 'busybox',
      Cmd: ['true'],
      HostConfig: {
        Memory: 64 << 20,
        Binds: ['/etc:/host:ro', 'data:/data'],
        PortBindings: { '80/tcp': [{ HostPort: '8080' }] },
        NetworkMode: 'default',
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
      },
    })
    const { HostConfig, Mounts, Name, State } = await daemon.client.containers.inspect(Id)
    assert.deepEqual(
      [HostConfig.Memory, HostConfig.NetworkMode, HostConfig.RestartPolicy],
      [64 << 20, 'bridge', { Name: 'on-failure', MaximumRetryCount: 3 }],
    )
    assert.deepEqual(HostConfig.PortBindings, { '80/tcp': [{ HostPort: '8080' }] })
    assert.deepEqual(
      Mounts.map(({ Type, Destination, RW }) => [Type, Destination, RW]),
      [
        ['bind', '/host', false],
        ['volume', '/data', true],
      ],
    )
    assert.match(Name, /^\//)
    assert.equal(State.StartedAt, '0001-01-01T00:00:00Z')
  })

  test('refuses what it cannot do, by its name', async () => {
    await using daemon = await fakeDaemon()
    const refused = async (host: object, text: RegExp): Promise<void> => {
      await assert.rejects(
        daemon.client.containers.create({ Image: 'busybox', Cmd: ['true'], HostConfig: host }),
        (error: unknown) => {
          assert.ok(status(501)(error) && text.test(String(error)), String(error))
          return true
        },
      )
    }
    await refused({ StorageOpt: { size: '1G' } }, /HostConfig\.StorageOpt/)
    await refused({ LogConfig: { Type: 'syslog' } }, /logging driver "syslog"/)
    await refused({ DeviceRequests: [{ Driver: 'fpga', Count: 1 }] }, /DeviceRequests/)
    await daemon.client.containers.create({
      Image: 'busybox',
      Cmd: ['true'],
      HostConfig: { StorageOpt: {}, DeviceRequests: null },
    })
  })

  test('exec of a missing command says so in the stream, and its exit code is 127', async () => {
    await using daemon = await fakeDaemon()
    const id = await started(daemon)
    const exec = await daemon.client.exec.create(id, { Cmd: ['missing'], AttachStdout: true })
    let text = ''
    for await (const { data } of (await daemon.client.exec.start(exec)).output) text += Buffer.from(data).toString()
    assert.match(text, /executable file not found/)
    assert.equal((await daemon.client.exec.inspect(exec)).ExitCode, 127)
  })

  test('keys detach from a terminal, and the container goes on', async () => {
    await using daemon = await fakeDaemon()
    const { Id } = await daemon.client.containers.create({ Image: 'busybox', Cmd: ['cat'], Tty: true, OpenStdin: true })
    const stream = await daemon.client.containers.attach(Id, { stdin: true })
    await daemon.client.containers.start(Id)
    await stream.write(Buffer.from('a\x10b\x10\x11'))
    let text = ''
    for await (const { data } of stream.output) text += Buffer.from(data).toString()
    assert.equal(text, 'a\x10b')
    assert.equal((await daemon.client.containers.inspect(Id)).State.Running, true)
    await daemon.client.containers.remove(Id, { force: true })
  })
})

describe('progress', () => {
  test('what fails first has a status; what fails later is a last line', async () => {
    const failure = Object.assign(new Error('No such image: x'), { code: 'IMAGE_UNKNOWN' })
    await using daemon = await fakeDaemon({
      imagesApi: {
        pull: async function* (reference) {
          if (reference.startsWith('late')) yield { status: 'Pulling', id: 'x' }
          throw failure
        },
      },
    })
    const read = async (name: string): Promise<void> => {
      for await (const message of daemon.client.images.pull(name)) assert.equal(message.status, 'Pulling')
    }
    await assert.rejects(read('early'), status(404))
    await assert.rejects(
      read('late'),
      (error: unknown) =>
        error instanceof ApiError && error.code === 'STREAM_FAILED' && error.message === 'No such image: x',
    )
  })
})
