import { open } from 'node:fs/promises'
import { exitOf, start } from '@gantry/process'
import { BaseError } from './base-error.ts'

/**
 * When a package was built, in seconds since 1970: the time that its archive's first member bears, which packages that
 * build reproducibly take from their change log.
 *
 * @throws BaseError PACKAGES_UNAVAILABLE when the file is no package
 */
export async function debTimestamp(path: string): Promise<number> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(68), 0, 68, 0)
    const text = buffer.toString('latin1', 0, bytesRead)
    const time = Number(text.slice(24, 36).trim())
    if (!text.startsWith('!<arch>\ndebian-binary') || !Number.isInteger(time)) {
      throw new BaseError('PACKAGES_UNAVAILABLE', `Cannot read "${path}": it is not a Debian package`)
    }
    return time
  } finally {
    await file.close()
  }
}

/** The files of a package as a tar. @throws from the stream, BaseError PACKAGES_UNAVAILABLE when it cannot be read */
export async function* debFiles(path: string): AsyncGenerator<Uint8Array> {
  const child = start('dpkg-deb', ['--fsys-tarfile', path], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = exitOf(child)
  let complaint = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2000)
  })
  try {
    if (child.stdout !== null) yield* child.stdout as AsyncIterable<Uint8Array>
    const { code } = await ended
    if (code !== 0) throw new BaseError('PACKAGES_UNAVAILABLE', `Cannot unpack "${path}": ${complaint.trim()}`)
  } finally {
    child.kill('SIGKILL')
    await ended.catch(() => undefined)
  }
}
