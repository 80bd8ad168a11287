import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { accessSync } from 'node:fs'
import { describe, test } from 'node:test'
import { answerJson, frame, scriptedDaemon, type Script } from '../testing/scripted-daemon.ts'

// Runs a command on a terminal of its own: types what each line of `keys` says after the text that it waits for, and
// prints as JSON what came out, how the command ended, and whether the terminal is as it was.
const onTerminal = String.raw`
import json, os, pty, select, struct, fcntl, sys, termios, time, signal
keys = json.loads(sys.argv[1]); command = sys.argv[2:]
fd, slave = pty.openpty()
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 100, 0, 0))
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in range(3): os.dup2(slave, number)
    os.execvp(command[0], command)
out = b''; raw = None; status = None; end = time.time() + 15
while time.time() < end:
    ready, _, _ = select.select([fd], [], [], 0.05)
    if ready:
        try: data = os.read(fd, 65536)
        except OSError: data = b''
        out += data
    while keys and keys[0]['after'].encode() in out:
        now = termios.tcgetattr(slave)
        raw = {'echo': bool(now[3] & termios.ECHO), 'isig': bool(now[3] & termios.ISIG), 'opost': bool(now[1] & termios.OPOST)}
        key = keys.pop(0)
        if 'size' in key:
            fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', key['size'][0], key['size'][1], 0, 0))
            os.kill(pid, signal.SIGWINCH)
        if 'type' in key: os.write(fd, key['type'].encode())
    done, code = os.waitpid(pid, os.WNOHANG)
    if done:
        status = os.waitstatus_to_exitcode(code)
        if select.select([fd], [], [], 0)[0]: out += os.read(fd, 65536)
        break
else:
    os.kill(pid, 9)
after = termios.tcgetattr(slave)
print(json.dumps({'out': out.decode(), 'code': status, 'raw': raw, 'restored': before == after}))
`

interface Ended {
  out: string
  code: number | null
  raw: { echo: boolean; isig: boolean; opost: boolean } | null
  restored: boolean
}

async function gantryOnTerminal(socket: string, args: readonly string[], keys: readonly object[]): Promise<Ended> {
  const main = new URL('../main.ts', import.meta.url).pathname
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', main, ...args]
  const child = spawn('python3', ['-c', onTerminal, JSON.stringify(keys), ...node], {
    env: { ...process.env, GANTRY_HOST: `unix://${socket}` },
  })
  let text = ''
  let failure = ''
  child.stdout.on('data', (data: Buffer) => (text += data.toString()))
  child.stderr.on('data', (data: Buffer) => (failure += data.toString()))
  await new Promise((resolve) => child.on('close', resolve))
  assert.notEqual(text, '', failure)
  return JSON.parse(text) as Ended
}

/** A container that repeats what is typed, and ends at a `q`. */
function echoing(): Script {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  return {
    answer({ line }, response) {
      if (line.startsWith('POST /containers/create')) return answerJson(response, 201, { Id: 'c1', Warnings: [] })
      if (line.startsWith('POST /containers/c1/wait')) {
        response.writeHead(200, { 'Content-Type': 'application/json' })
        response.flushHeaders()
        void ended.then(() => response.end('{"StatusCode":5}'))
        return true
      }
      if (line.startsWith('POST /containers/c1/')) {
        response.writeHead(204).end()
        return true
      }
      return false
    },
    hijack(_line, socket, started) {
      void started.then(() => {
        socket.write(frame(1, 'ready\r\n'))
        socket.on('data', (data: Buffer) => {
          socket.write(frame(1, `<${data.toString('hex')}>`))
          if (data.includes('q')) {
            socket.end()
            end()
          }
        })
      })
    },
  }
}

const skip = ((): string | false => {
  try {
    accessSync('/usr/bin/python3')
    return false
  } catch {
    return 'python3 is not installed: it makes the terminal'
  }
})()

describe('gantry run -it', { skip }, () => {
  test('hands the keyboard over as it is, and gives it back', async () => {
    await using daemon = await scriptedDaemon(echoing())
    const ended = await gantryOnTerminal(
      daemon.socket,
      ['run', '-it', 'img'],
      [
        { after: 'ready', type: '\u0003a\r' },
        { after: '<03610d>', type: 'q' },
      ],
    )
    assert.equal(ended.code, 5)
    assert.equal(ended.out, 'ready\r\n<03610d><71>')
    assert.deepEqual(ended.raw, { echo: false, isig: false, opost: false })
    assert.equal(ended.restored, true)
    assert.deepEqual((daemon.bodies.get('POST /containers/create') as { HostConfig: object }).HostConfig, {
      ConsoleSize: [30, 100],
    })
  })

  test('leaves with the detach keys, and the container goes on', async () => {
    await using daemon = await scriptedDaemon(echoing())
    const ended = await gantryOnTerminal(
      daemon.socket,
      ['run', '-it', 'img'],
      [{ after: 'ready', type: 'x\u0010\u0011' }],
    )
    assert.equal(ended.code, 0)
    assert.equal(ended.restored, true)
    assert.ok(!daemon.requests.some((line) => line.includes('/kill')))
  })

  test('takes other detach keys', async () => {
    await using daemon = await scriptedDaemon(echoing())
    const ended = await gantryOnTerminal(
      daemon.socket,
      ['run', '-it', '--detach-keys', 'ctrl-x,x', 'img'],
      [
        { after: 'ready', type: '\u0010\u0011' },
        { after: '<1011>', type: '\u0018x' },
      ],
    )
    assert.equal(ended.code, 0)
    assert.match(ended.out, /<1011>/)
  })

  test('passes on the size of the window', async () => {
    await using daemon = await scriptedDaemon(echoing())
    const ended = await gantryOnTerminal(
      daemon.socket,
      ['run', '-it', 'img'],
      [
        { after: 'ready', size: [40, 120], type: 'a' },
        { after: '<61>', type: 'q' },
      ],
    )
    assert.equal(ended.code, 5)
    assert.ok(daemon.requests.includes('POST /containers/c1/resize?h=30&w=100'), daemon.requests.join('\n'))
    assert.ok(daemon.requests.includes('POST /containers/c1/resize?h=40&w=120'), daemon.requests.join('\n'))
  })
})
