import { createServer } from 'node:net'
import { tryGantry } from './gantry.ts'

/** Where this user's images and containers are. */
export interface Place {
  readonly root: string
  readonly isRoot: boolean
}

/** Asks `gantry` where it keeps things. */
export async function findPlace(): Promise<Place> {
  const { stdout, stderr } = await tryGantry(['daemon', 'status', '--json'])
  let root: unknown
  try {
    root = (JSON.parse(stdout) as { root?: unknown }).root
  } catch {
    root = undefined
  }
  if (typeof root !== 'string') throw new Error(`Cannot find out where Gantry keeps things: ${stderr || stdout}`)
  return { root, isRoot: process.getuid?.() === 0 }
}

/** The first port from `start` that nobody listens on at 127.0.0.1. */
export async function freePort(start: number): Promise<number> {
  for (let port = start; port < start + 100; port++) {
    if (await isFree(port)) return port
  }
  throw new Error(`Cannot publish a port: ${start} to ${start + 99} are all taken`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
