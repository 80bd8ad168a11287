import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { answerJson, frame, gantry, scriptedDaemon, type Script } from '../testing/scripted-daemon.ts'

/** A container that writes, then ends with an exit code. */
function container(options: {
  exitCode?: number
  output?: readonly Uint8Array[]
  echo?: boolean
  startError?: object
  missing?: boolean
  untilKilled?: boolean
}): Script {
  let isMissing = options.missing ?? false
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  return {
    answer({ line }, response) {
      if (line.startsWith('POST /containers/create')) {
        if (isMissing) return answerJson(response, 404, { message: 'No such image: img:latest', code: 'IMAGE_UNKNOWN' })
        return answerJson(response, 201, { Id: 'c1', Warnings: [] })
      }
      if (line.startsWith('POST /images/create')) {
        isMissing = false
        response.writeHead(200)
        response.end('{"id":"latest","status":"Pulling from library/img"}\r\n{"status":"Digest: sha256:1"}\r\n')
        return true
      }
      if (line.startsWith('POST /containers/c1/wait')) {
        response.writeHead(200, { 'Content-Type': 'application/json' })
        response.flushHeaders()
        void ended.then(() => response.end(JSON.stringify({ StatusCode: options.exitCode ?? 0 })))
        return true
      }
      if (line === 'POST /containers/c1/start') {
        if (options.startError !== undefined) return answerJson(response, 500, options.startError)
        response.writeHead(204).end()
        return true
      }
      if (line.startsWith('POST /containers/c1/kill')) {
        end()
        response.writeHead(204).end()
        return true
      }
      if (line.startsWith('DELETE /containers/c1')) {
        response.writeHead(204).end()
        return true
      }
      return false
    },
    hijack(_line, socket, started) {
      void started.then(async () => {
        for (const chunk of options.output ?? []) socket.write(chunk)
        if (options.echo === true)
          for await (const data of socket as AsyncIterable<Buffer>) socket.write(frame(1, data.toString()))
        if (options.untilKilled === true) await ended
        socket.end()
        end()
      })
    },
  }
}

describe('gantry run', () => {
  test('creates, attaches, listens for the exit, and only then starts', async () => {
    await using daemon = await scriptedDaemon(
      container({ exitCode: 7, output: [frame(1, 'out\n'), frame(2, 'err\n'), frame(1, 'more\n')] }),
    )
    const result = await gantry(['run', '--rm', '--name', 'x', 'img', 'sh', '-c', 'exit 7'], { socket: daemon.socket })
    assert.deepEqual(result, { code: 7, stdout: 'out\nmore\n', stderr: 'err\n' })
    const [create, ...rest] = daemon.requests
    assert.equal(create, 'POST /containers/create?name=x')
    assert.deepEqual(rest.slice(0, 2).toSorted(), [
      'POST /containers/c1/attach?stream=1&stdin=0&stdout=1&stderr=1',
      'POST /containers/c1/wait?condition=removed',
    ])
    assert.deepEqual(rest.slice(2), ['POST /containers/c1/start'])
    assert.deepEqual(daemon.bodies.get('POST /containers/create?name=x'), {
      Image: 'img',
      Cmd: ['sh', '-c', 'exit 7'],
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      HostConfig: { AutoRemove: true },
    })
  })

  test('passes input on and closes it at its end', async () => {
    await using daemon = await scriptedDaemon(container({ echo: true }))
    const result = await gantry(['run', '-i', 'img', 'cat'], { socket: daemon.socket, input: 'hello\n'.repeat(1000) })
    assert.deepEqual(result, { code: 0, stdout: 'hello\n'.repeat(1000), stderr: '' })
  })

  test('prints the id and leaves with -d', async () => {
    await using daemon = await scriptedDaemon(container({}))
    const result = await gantry(['run', '-d', 'img'], { socket: daemon.socket })
    assert.deepEqual(result, { code: 0, stdout: 'c1\n', stderr: '' })
    assert.deepEqual(daemon.requests, ['POST /containers/create', 'POST /containers/c1/start'])
  })

  test('pulls an image that is not there, and tells it on standard error', async () => {
    await using daemon = await scriptedDaemon(container({ missing: true, output: [frame(1, 'hi\n')] }))
    const result = await gantry(['run', 'img'], { socket: daemon.socket })
    assert.equal(result.code, 0)
    assert.equal(result.stdout, 'hi\n')
    assert.match(
      result.stderr,
      /^Unable to find image 'img:latest' locally\nlatest: Pulling from library\/img\nDigest: sha256:1\n$/,
    )
  })

  test('pulls nothing with --pull never', async () => {
    await using daemon = await scriptedDaemon(container({ missing: true }))
    const result = await gantry(['run', '--pull', 'never', 'img'], { socket: daemon.socket })
    assert.equal(result.code, 125)
    assert.match(result.stderr, /No such image: img:latest/)
    assert.equal(daemon.requests.length, 1)
  })

  for (const [code, message, exitCode] of [
    ['COMMAND_NOT_FOUND', 'exec: "nope": executable file not found in $PATH', 127],
    ['COMMAND_NOT_EXECUTABLE', 'exec: "/etc/passwd": permission denied', 126],
    ['PORT_TAKEN', 'Cannot publish port 80: it is taken', 125],
  ] as const) {
    test(`ends with ${exitCode} when starting fails with ${code}`, async () => {
      await using daemon = await scriptedDaemon(container({ startError: { message, code } }))
      const result = await gantry(['run', '--rm', 'img', 'nope'], { socket: daemon.socket })
      assert.equal(result.code, exitCode)
      assert.equal(result.stdout, '')
      assert.match(result.stderr, new RegExp(message.replaceAll(/[$"]/g, '.')))
      assert.ok(daemon.requests.includes('DELETE /containers/c1?force=1'))
    })
  }

  test('forwards signals to the container and ends with its code', async () => {
    await using daemon = await scriptedDaemon(
      container({ exitCode: 143, output: [frame(1, 'ready\n')], untilKilled: true }),
    )
    const result = await gantry(['run', 'img'], {
      socket: daemon.socket,
      during: async (child) => {
        await new Promise((resolve) => child.stdout?.once('data', resolve))
        child.kill('SIGTERM')
        await daemon.asked('POST /containers/c1/kill')
      },
    })
    assert.equal(result.code, 143)
    assert.ok(daemon.requests.includes('POST /containers/c1/kill?signal=SIGTERM'))
  })

  test('refuses -it without a terminal, before anything is asked', async () => {
    await using daemon = await scriptedDaemon(container({}))
    const result = await gantry(['run', '-it', 'img'], { socket: daemon.socket })
    assert.match(result.stderr, /the input device is not a TTY/)
    assert.deepEqual(daemon.requests, [])
  })

  test('ends quietly when its reader has gone', async () => {
    await using daemon = await scriptedDaemon(
      container({ output: Array.from({ length: 200 }, () => frame(1, 'x'.repeat(10_000))) }),
    )
    const result = await gantry(['run', 'img'], {
      socket: daemon.socket,
      during: async (child) => {
        await new Promise((resolve) => child.stdout?.once('data', resolve))
        child.stdout?.destroy()
      },
    })
    assert.equal(result.code, 141)
    assert.equal(result.stderr, '')
  })
})

describe('gantry exec', () => {
  const running = (exitCode: number): Script => ({
    answer({ line }, response) {
      if (line === 'POST /containers/c1/exec') return answerJson(response, 201, { Id: 'e1' })
      if (line === 'GET /exec/e1/json') return answerJson(response, 200, { ExitCode: exitCode, Running: false })
      return false
    },
    hijack(line, socket) {
      if (line === 'POST /exec/e1/start') socket.end(frame(1, 'done\n'))
    },
  })
  test('prints the output and ends with the exit code', async () => {
    await using daemon = await scriptedDaemon(running(3))
    const result = await gantry(['exec', 'c1', 'sh', '-c', 'exit 3'], { socket: daemon.socket })
    assert.deepEqual(result, { code: 3, stdout: 'done\n', stderr: '' })
    assert.deepEqual(daemon.requests, ['POST /containers/c1/exec', 'POST /exec/e1/start', 'GET /exec/e1/json'])
  })
  test('ends with 1 when there is no such container', async () => {
    await using daemon = await scriptedDaemon({})
    assert.equal((await gantry(['exec', 'c2', 'true'], { socket: daemon.socket })).code, 1)
  })
})

describe('the command line', () => {
  for (const [line, code, stderr] of [
    [
      'run --nothing img',
      125,
      /^unknown flag: --nothing\n\nUsage: {2}gantry run \[OPTIONS] IMAGE \[COMMAND] \[ARG...]\n\nSee 'gantry run --help'\n$/,
    ],
    ['run', 1, /'gantry run' requires at least 1 argument/],
    ['ps x', 1, /'gantry ps' accepts no arguments/],
    ['tag a', 1, /'gantry tag' requires 2 arguments/],
    ['nothing', 1, /unknown command: gantry nothing/],
    ['network nothing', 1, /unknown command: gantry network nothing/],
    ['--nothing', 125, /unknown flag: --nothing/],
    ['-H tcp://1.2.3.4:5 ps', 1, /only unix:\/\/\/PATH is supported/],
    [
      '-H unix:///nowhere/x.sock ps',
      1,
      /Cannot connect to the daemon at unix:\/\/\/nowhere\/x.sock: there is no such socket/,
    ],
    ['-H unix:///nowhere/x.sock run img', 125, /Cannot connect to the daemon/],
    ['ps --filter x', 1, /not KEY=VALUE/],
  ] as const) {
    test(`gantry ${line} ends with ${code}`, async () => {
      const result = await gantry(line.split(' '))
      assert.equal(result.code, code, result.stderr)
      assert.match(result.stderr, stderr)
      assert.equal(result.stdout, '')
    })
  }
  test('prints help on standard output', async () => {
    for (const line of [
      'help',
      '--help',
      'run --help',
      'help run',
      'network',
      'network --help',
      'network ls --help',
      '',
    ]) {
      const result = await gantry(line === '' ? [] : line.split(' '))
      assert.equal(result.code, 0, line)
      assert.match(result.stdout, /^Usage: {2}gantry/, line)
    }
  })
  test('prints its version', async () => {
    assert.match((await gantry(['--version'])).stdout, /^Gantry version \d+\.\d+\.\d+\n$/)
    assert.match((await gantry(['version', '--format', '{{.Client.Version}}'])).stdout, /^\d+\.\d+\.\d+\n$/)
  })
})
