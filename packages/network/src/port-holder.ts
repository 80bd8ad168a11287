import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { parseAddress } from './ipv4.ts'

const mostProcesses = 20_000

/**
 * The program that has a port of this host, for an error message: `"nginx" (process 812)`. Undefined when it is not found, which
 * may be because it belongs to another user. Slow: reads all of /proc.
 */
export function portHolder(port: { hostIp: string; hostPort: number; protocol: string }): string | undefined {
  const inode = socketInode(port)
  if (inode === undefined) return undefined
  for (const pid of readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .slice(0, mostProcesses)) {
    if (!hasSocket(pid, inode)) continue
    const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
    return `"${name}" (process ${pid})`
  }
  return undefined
}

// Lines of "sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode", addresses in hexadecimal.
function socketInode(port: { hostIp: string; hostPort: number; protocol: string }): string | undefined {
  const suffix = `:${port.hostPort.toString(16).toUpperCase().padStart(4, '0')}`
  for (const table of [port.protocol, `${port.protocol}6`]) {
    let text: string
    try {
      text = readFileSync(`/proc/net/${table}`, 'utf8')
    } catch {
      continue
    }
    for (const line of text.split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/)
      const local = fields[1]
      if (local?.endsWith(suffix) === true && matches(local, port.hostIp, fields[3])) return fields[9]
    }
  }
  return undefined
}

const established = '01'

function matches(local: string, hostIp: string, state: string | undefined): boolean {
  if (state === established) return false
  if (hostIp === '0.0.0.0' || hostIp.includes(':') || /^0+:/.test(local)) return true
  const wanted = parseAddress(hostIp) ?? 0
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(wanted)
  return local.startsWith(bytes.readUInt32BE().toString(16).toUpperCase().padStart(8, '0'))
}

function hasSocket(pid: string, inode: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`)
  } catch {
    return false
  }
}
