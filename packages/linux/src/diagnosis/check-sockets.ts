import { existsSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import type { Check, Verdict } from './verdict.ts'

/** Whether the daemon's socket can be, and who answers there. */
export const checkSockets: Check = async ({ site }): Promise<Verdict> => {
  const { socket } = site
  if (Buffer.byteLength(socket) > 107) {
    return {
      topic: 'socket',
      verdict: 'failure',
      sentence: `The path ${socket} is longer than the 107 bytes that a socket may have`,
      mend: 'Set GANTRY_RUN to a shorter directory',
    }
  }
  if (!existsSync(socket)) {
    return {
      topic: 'socket',
      verdict: 'ok',
      sentence: `No daemon runs at ${socket}; it starts when a command needs it`,
    }
  }
  if (!statSync(socket).isSocket()) {
    return { topic: 'socket', verdict: 'failure', sentence: `${socket} is no socket`, mend: `rm ${socket}` }
  }
  const answer = await reach(socket)
  switch (answer) {
    case undefined:
      return { topic: 'socket', verdict: 'ok', sentence: `The daemon listens at ${socket}` }
    case 'EACCES':
      return {
        topic: 'socket',
        verdict: 'failure',
        sentence: `This user may not use the daemon's socket ${socket}`,
        mend: 'Run as root, or join the group of the socket',
      }
    case 'ECONNREFUSED':
      return {
        topic: 'socket',
        verdict: 'ok',
        sentence: `A daemon that is gone has left ${socket}; the next one takes it over`,
      }
    default:
      return {
        topic: 'socket',
        verdict: 'warning',
        sentence: `The daemon's socket ${socket} does not answer: ${answer}`,
        mend: 'gantry daemon stop',
      }
  }
}

function reach(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const end = (answer: string | undefined): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1000, () => end('no answer within a second'))
    socket.once('connect', () => end(undefined))
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
  })
}
