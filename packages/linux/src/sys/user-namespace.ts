import { closeSync, constants, mkdirSync, openSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { text } from 'node:stream/consumers'
import { exitOf, ProcessError, start } from '@gantry/process'
import { mountNow } from './mount.ts'

/** A range of ids of a user namespace: so many from `inside` on are those from `outside` on where the namespace was made. */
export type IdRange = { readonly inside: number; readonly outside: number; readonly size: number }

/**
 * Makes a user namespace and keeps it at a path, with its maps written. A process is in it only for the length of the call: the
 * kernel lets no thread of a process with several change its user namespace. Needs `unshare` of util-linux.
 *
 * @throws SystemCallError; an error of Node with EEXIST when something is at the path; ProcessError. Nothing is left then
 */
export async function makeUserNamespace(
  path: string,
  { uids, gids }: { readonly uids: readonly IdRange[]; readonly gids: readonly IdRange[] },
): Promise<void> {
  await keep(path, ['unshare', '--user'], (pid) => {
    writeFileSync(`/proc/${String(pid)}/gid_map`, mapText(gids))
    writeFileSync(`/proc/${String(pid)}/uid_map`, mapText(uids))
    return `/proc/${String(pid)}/ns/user`
  })
}

/**
 * Makes a network namespace that belongs to a user namespace, and keeps it at a path: who is root in the one may change the other.
 * The user namespace must map its root, since only that one keeps its power when it starts a program.
 *
 * @throws as {@link makeUserNamespace}
 */
export async function makeNetworkNamespaceOf(userNamespace: string, path: string): Promise<void> {
  const words = ['nsenter', `--user=${userNamespace}`, 'unshare', '--net']
  await keep(path, words, (pid) => `/proc/${String(pid)}/ns/net`)
}

/** Starts a process by some words, which waits in its new namespace, and mounts what `work` answers with at a path. */
async function keep(
  path: string,
  [command = '', ...words]: readonly string[],
  work: (pid: number) => string,
): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDONLY, 0o444))
  try {
    const child = start(command, [...words, 'sh', '-c', 'echo; read -r _'], { stdio: ['pipe', 'pipe', 'pipe'] })
    const said = child.stderr === null ? Promise.resolve('') : text(child.stderr)
    const ended = exitOf(child)
    try {
      if (!(await spoke(child.stdout)))
        throw new ProcessError('EXIT', `Cannot make a namespace: "${command}" ended: ${(await said).trim()}`, {
          command,
        })
      mountNow({ source: work(child.pid ?? 0), target: path, flags: ['bind'] })
    } finally {
      child.stdin?.destroy()
      child.stdout?.destroy()
      await ended
    }
  } catch (error) {
    unlinkSync(path)
    throw error
  }
}

/** Whether a stream gives something before it ends. */
function spoke(stream: NodeJS.ReadableStream | null): Promise<boolean> {
  return new Promise((resolve) => {
    stream?.once('data', () => resolve(true))
    stream?.once('end', () => resolve(false))
    stream?.once('error', () => resolve(false))
  })
}

function mapText(ranges: readonly IdRange[]): string {
  return ranges.map(({ inside, outside, size }) => `${String(inside)} ${String(outside)} ${String(size)}\n`).join('')
}
