import type { IgnoreMatcher } from '@gantry/dockerfile'
import type { Context } from '../context.ts'
import { watch, type FSWatcher } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isInterruption } from '../exit-code.ts'
import { CliError } from '../cli-error.ts'
import { describeError } from '../report.ts'

/** What is built again when it changes. */
export interface WatchedBuild {
  /** The context's directory. */
  readonly directory: string
  /** The Dockerfile's path where it was named. */
  readonly dockerfile: string | undefined
  /** What of the context does not count; read anew before each build. */
  readonly ignore: () => Promise<IgnoreMatcher>
  /** Builds once; the context ends what it deferred when the build has ended. */
  readonly build: (context: Context) => Promise<number>
}

/** Editors write a file in several steps, and tools several files at once. */
const quietMilliseconds = 150

/**
 * Builds, and again each time when something of the context or the Dockerfile has changed; a build that is under way is ended first.
 * A build that fails is told of and waited out. Ends when the person stops it. @throws CliError ABORTED
 */
export async function watchBuild(context: Context, watched: WatchedBuild): Promise<never> {
  let ignore = await watched.ignore()
  let change = Promise.withResolvers<string>()
  const note = (path: string): void => change.resolve(path)
  const watchers = openWatchers(watched, (path) => !isDockerfile(path, watched) && ignore.ignores(path), note)
  try {
    for (;;) {
      context.signal.throwIfAborted()
      change = Promise.withResolvers()
      const stop = new AbortController()
      void change.promise.then(() => stop.abort(new CliError('ABORTED', 'stopped, since something has changed')))
      ignore = await watched.ignore()
      await buildOnce(context, watched, AbortSignal.any([context.signal, stop.signal]))
      if (!stop.signal.aborted) context.err.write(`Watching ${watched.directory} for changes\n`)
      const path = await unlessAborted(change.promise, context.signal)
      context.err.write(`Changed: ${path}\n`)
      await settle(() => (change = Promise.withResolvers()).promise, context.signal)
    }
  } finally {
    for (const watcher of watchers) watcher.close()
  }
}

async function buildOnce(context: Context, { build }: WatchedBuild, signal: AbortSignal): Promise<void> {
  const cleanups: (() => void | Promise<void>)[] = []
  const { env, globals, out, err } = context
  const once: Context = {
    env,
    globals,
    out,
    err,
    site: () => context.site(),
    daemon: (options) => context.daemon(options),
    defer: (cleanup) => void cleanups.push(cleanup),
    signal,
  }
  try {
    await build(once)
  } catch (error) {
    if (signal.aborted && isInterruption(error)) return
    err.write(describeError(error, { command: undefined, debug: globals.debug }).text)
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup()
  }
}

/** Waits until nothing has changed for a moment. */
async function settle(next: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  for (;;) {
    const changed = await Promise.race([next().then(() => true), sleep(quietMilliseconds, false, { signal })])
    if (!changed) return
  }
}

function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const aborted = new Promise<never>((_resolve, reject) => {
    const refuse = (): void => reject(signal.reason as Error)
    if (signal.aborted) refuse()
    else signal.addEventListener('abort', refuse, { once: true })
  })
  return Promise.race([promise, aborted])
}

function openWatchers(
  { directory, dockerfile }: WatchedBuild,
  isIgnored: (path: string) => boolean,
  note: (path: string) => void,
): readonly FSWatcher[] {
  const inContext = watch(directory, { recursive: true }, (_event, name) => {
    if (name !== null && name !== '' && !isIgnored(name)) note(name)
  })
  if (dockerfile === undefined || !relative(directory, dockerfile).startsWith('..')) return [inContext]
  // Its directory, since editors replace a file by another.
  const beside = watch(dirname(dockerfile), (_event, name) => {
    if (name !== null && join(dirname(dockerfile), name) === dockerfile) note(dockerfile)
  })
  return [inContext, beside]
}

/** The Dockerfile and the ignore file count even where patterns leave them out of the context. */
function isDockerfile(path: string, { directory, dockerfile }: WatchedBuild): boolean {
  if (dockerfile !== undefined)
    return join(directory, path) === dockerfile || `${dockerfile}.dockerignore` === join(directory, path)
  return /^(?:[Dd]ockerfile|Containerfile)(?:\.dockerignore)?$|^\.dockerignore$/.test(path)
}
