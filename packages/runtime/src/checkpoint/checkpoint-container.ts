import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ociCommand, type OciProgram } from '../oci/oci-command.ts'
import { RuntimeError } from '../runtime-error.ts'
import type { CheckpointOptions } from '../task.ts'
import type { Criu } from './criu.ts'
import { errorsOf } from './criu-log.ts'

/**
 * Has the OCI runtime write a container's processes into a directory, which is made. On failure they go on, and the directory is gone.
 * @throws RuntimeError CRIU_MISSING, CHECKPOINT_FAILED with what CRIU said
 */
export async function checkpointContainer(
  { program, criu }: { readonly program: OciProgram; readonly criu: Criu },
  id: string,
  { directory, leaveRunning = false, tcpEstablished = false }: CheckpointOptions,
): Promise<void> {
  const tried = `Cannot make a checkpoint of container "${id}"`
  const PATH = await criu.searchPath(tried, process.env['PATH'] ?? '')
  const work = join(directory, 'work')
  mkdirSync(work, { recursive: true, mode: 0o700 })
  const args = [
    'checkpoint',
    '--image-path',
    directory,
    '--work-path',
    work,
    '--file-locks',
    ...(leaveRunning ? ['--leave-running'] : []),
    ...(tcpEstablished ? ['--tcp-established'] : []),
    id,
  ]
  try {
    await ociCommand(program, args, {
      tried,
      fallback: 'CHECKPOINT_FAILED',
      env: { ...process.env, LC_ALL: 'C', PATH },
    })
    rmSync(work, { recursive: true, force: true })
  } catch (cause) {
    const said = criuFailure(tried, join(work, 'dump.log'), cause)
    rmSync(directory, { recursive: true, force: true })
    throw said
  }
}

/** What a failure was, in the words of CRIU's own log where it came so far. */
export function criuFailure(tried: string, log: string, cause: unknown): unknown {
  let text: string
  try {
    text = readFileSync(log, 'utf8')
  } catch {
    return cause
  }
  return new RuntimeError('CHECKPOINT_FAILED', `${tried}: CRIU says: ${errorsOf(text)}`, {
    cause,
    hint: 'connected TCP sockets and most devices cannot be written down',
  })
}
