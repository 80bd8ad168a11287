import type { HijackedStream } from '@gantry/client'
import type { Context } from '../context.ts'

/** How the streams of a process are joined to this terminal. */
export interface SessionOptions {
  readonly tty: boolean
  /** Whether standard input goes to the process. */
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  /** The sequence that leaves the process alone; only keys typed at a terminal are watched. */
  readonly detachKeys: Uint8Array
}

/** How a session ended: the process closed its output, or the person left with the detach keys. */
export type SessionEnd = 'ended' | 'detached'

/** A session under way. */
export interface Session {
  /** Rejects when the connection breaks. */
  readonly end: Promise<SessionEnd>
  /** Gives the terminal back. Idempotent. */
  restore(): void
}

/**
 * Joins an attached stream to this process's own: output is written with back-pressure, input is passed on and its end is
 * a half-close, a terminal is in raw mode while it lasts. Nothing is lost between attaching and the first byte: the
 * stream buffers until this reads it.
 */
export async function openSession(stream: HijackedStream, context: Context, options: SessionOptions): Promise<Session> {
  const { promise: detached, resolve: detach } = Promise.withResolvers<SessionEnd>()
  let restore = nothing
  if (options.stdin && options.tty) {
    const { enterRawMode } = await import('../term/raw-mode.ts')
    restore = await enterRawMode()
  }
  if (options.stdin) {
    void passInput(stream, options).then((isDetached) => (isDetached ? detach('detached') : undefined))
  }
  const end = Promise.race([copyOutput(stream, context, options), detached]).finally(() => {
    restore()
    stream.close()
  })
  return { end, restore }
}

/** Resolves with true when the detach keys were typed. A failing input only ends the input: the output tells the rest. */
async function passInput(stream: HijackedStream, { tty, detachKeys }: SessionOptions): Promise<boolean> {
  const { copyInput } = await import('./copy-input.ts')
  return copyInput(stream, tty ? detachKeys : new Uint8Array(0)).catch(() => false)
}

async function copyOutput(stream: HijackedStream, { out, err }: Context, options: SessionOptions): Promise<SessionEnd> {
  for await (const { stream: name, data } of stream.output) {
    if (name === 'stdout' ? options.stdout : options.stderr) await (name === 'stdout' ? out : err).stream(data)
  }
  return 'ended'
}

function nothing(): void {
  // There is nothing to restore.
}
