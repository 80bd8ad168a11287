import { chmodSync, chownSync, copyFileSync, existsSync, statSync } from 'node:fs'
import { createServer, connect, type Socket } from 'node:net'
import { LedgerError, type Ledger, type Owner, spawning } from '@gantry/linux'
import { exitOf, ProcessError, run, start } from '@gantry/process'
import { setTimeout as sleep } from 'node:timers/promises'
import { BuildError } from '../build-error.ts'
import type { SshSource } from '../options.ts'

/** An agent that a container can ask, at a socket that belongs to the step. */
export interface Agent extends AsyncDisposable {
  readonly socket: string
}

/** Whose socket it is. */
export interface AgentOptions {
  readonly uid: number
  readonly gid: number
  readonly mode: number
  readonly ledger: Pick<Ledger, 'apply'>
  /** Whose an agent is that is started: it holds keys, and must not outlive a build that is killed. */
  readonly owner: Owner
  readonly signal: AbortSignal
}

/** Passes on to an agent of the caller's, or starts one that holds the given keys. @throws BuildError SOURCE_UNREADABLE */
export async function openAgent(source: SshSource, path: string, options: AgentOptions): Promise<Agent> {
  const closing: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const each of closing.toReversed()) await each()
  }
  try {
    const upstream = 'socket' in source ? source.socket : await startAgent(source.keys, `${path}-own`, options, closing)
    if (!isSocket(upstream)) {
      throw new BuildError('SOURCE_UNREADABLE', `Cannot use "${upstream}" as an SSH agent: it is not a socket`)
    }
    const open = new Set<Socket>()
    const server = createServer({ allowHalfOpen: true }, (inside) => {
      const outside = connect({ path: upstream, allowHalfOpen: true })
      for (const [from, to] of [
        [inside, outside],
        [outside, inside],
      ] as const) {
        open.add(from)
        from.on('error', () => to.destroy())
        from.on('close', () => open.delete(from))
        from.pipe(to)
      }
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, resolve)
    })
    closing.push(async () => {
      for (const socket of open) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    })
    chownSync(path, options.uid, options.gid)
    chmodSync(path, options.mode)
    return { socket: path, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false
}

async function startAgent(
  keys: readonly string[],
  socket: string,
  { signal, ledger, owner }: AgentOptions,
  closing: (() => Promise<void>)[],
): Promise<string> {
  try {
    const args = ['-D', '-a', socket]
    const launch = async (): Promise<number> => {
      const child = start('ssh-agent', args, { signal })
      const ended = exitOf(child)
      ended.catch(() => undefined)
      closing.push(async () => {
        child.kill('SIGTERM')
        await ended.catch(() => undefined)
      })
      // One that cannot be started has no PID, and says why.
      if (child.pid === undefined) await ended
      return child.pid ?? 0
    }
    const what = { what: 'the SSH agent of a step', command: ['ssh-agent', ...args], match: socket }
    await ledger.apply(owner, [spawning(what, 'holds the keys that the step may use', launch)])
    for (let tries = 0; tries < 100 && !existsSync(socket); tries++) await sleep(20, undefined, { signal })
    for (const [index, key] of keys.entries()) {
      // ssh-add refuses keys that others may read, which says nothing of the one that was named here.
      const copy = `${socket}-key-${index}`
      copyFileSync(key, copy)
      chmodSync(copy, 0o600)
      await run('ssh-add', ['-q', copy], {
        env: { ...process.env, SSH_AUTH_SOCK: socket, SSH_ASKPASS: 'false' },
        signal,
      })
    }
    return socket
  } catch (error) {
    signal.throwIfAborted()
    const cause = error instanceof LedgerError ? error.cause : error
    const reason =
      cause instanceof ProcessError && cause.code === 'NOT_FOUND'
        ? '"ssh-agent" is not installed'
        : cause instanceof Error
          ? cause.message
          : String(cause)
    throw new BuildError('SOURCE_UNREADABLE', `Cannot give SSH keys to the build: ${reason}`, {
      cause,
      hint: 'start an agent, add the keys to it, and give --ssh without a path',
    })
  }
}
