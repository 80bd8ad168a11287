import { createReadStream, createWriteStream } from 'node:fs'
import { open, unlink, type FileHandle } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { RuntimeError } from '../runtime-error.ts'

/**
 * Opens what a compressed file of a log held, as a file without a name beside the log; the caller closes it. The descriptor stays open.
 * @throws RuntimeError LOG_LOST when it is damaged, or when there is no room for it
 */
export async function unpackLog(fd: number, log: string): Promise<FileHandle> {
  const temporary = `${log}.read-${randomUUID()}`
  let file: FileHandle | undefined
  try {
    file = await open(temporary, 'wx+', 0o600)
    await unlink(temporary)
    // Opened anew both: a stream closes what it has when it fails, and reads from where the descriptor is.
    const again = (descriptor: number): string => `/proc/self/fd/${String(descriptor)}`
    await pipeline(createReadStream(again(fd)), createGunzip(), createWriteStream(again(file.fd), { flags: 'r+' }))
    return file
  } catch (cause) {
    await file?.close()
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new RuntimeError('LOG_LOST', `Cannot unpack a compressed file of the log "${log}": ${why}`, { cause })
  }
}
