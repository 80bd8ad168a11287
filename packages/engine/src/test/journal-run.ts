import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { realDaemon } from '@gantry/testing/daemon'

// Runs in a mount namespace of its own, in which /run is empty: takes the place of the journal there, has a container write to it, and
// prints what came as lines of JSON, an object of a message's fields each.

const socket = '/run/systemd/journal/socket'
// Node has no datagram sockets of this kind. A message is printed as one line, in hexadecimal.
const listener = `use Socket; $| = 1;
socket(S, AF_UNIX, SOCK_DGRAM, 0) or die; bind(S, pack_sockaddr_un("${socket}")) or die;
print "ready\\n"; while (defined recv(S, $m, 1 << 20, 0)) { print unpack("H*", $m), "\\n" }`

mkdirSync('/run/systemd/journal', { recursive: true })
const journal = spawn('perl', ['-e', listener], { stdio: ['ignore', 'pipe', 'inherit'] })
const messages = createInterface({ input: journal.stdout })[Symbol.asyncIterator]()
await messages.next()
try {
  await using daemon = await realDaemon()
  const { containers } = daemon.client
  const { Id } = await containers.create(
    {
      Image: 'localhost/busybox',
      Cmd: ['sh', '-c', 'echo to the journal; echo and an error >&2'],
      HostConfig: {
        NetworkMode: 'none',
        LogConfig: { Type: 'journald', Config: { tag: 'app/{{.Name}}' } },
      },
    },
    { name: 'talker' },
  )
  const { result } = await containers.wait(Id, { condition: 'next-exit' })
  await containers.start(Id)
  await result
  let logged = ''
  for await (const { data } of await containers.logs(Id)) logged += Buffer.from(data).toString()
  process.stdout.write(`${JSON.stringify({ id: Id, logged })}\n`)
  for (let count = 0; count < 2; count++) {
    const next = await messages.next()
    if (next.done === true) throw new Error('the journal ended')
    process.stdout.write(`${JSON.stringify(fieldsOf(Buffer.from(next.value, 'hex')))}\n`)
  }
} finally {
  journal.kill()
  await once(journal, 'exit')
}

/** https://systemd.io/JOURNAL_NATIVE_PROTOCOL/: `NAME=value` lines, or a name, 64 bits of length and the bytes. */
function fieldsOf(message: Buffer): Record<string, string> {
  const fields: Record<string, string> = {}
  for (let at = 0; at < message.length;) {
    const end = message.indexOf('\n', at)
    const line = message.subarray(at, end).toString()
    const equals = line.indexOf('=')
    at = end + 1
    if (equals !== -1) fields[line.slice(0, equals)] = line.slice(equals + 1)
    else {
      const length = Number(message.readBigUInt64LE(at))
      fields[line] = message.subarray(at + 8, at + 8 + length).toString()
      at += 8 + length + 1
    }
  }
  return fields
}
