import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Context } from '../context.ts'

/**
 * Writes bytes to a file, or to standard output for `-`. The file is written beside its place and renamed: what stands under
 * the name is whole, or what it was before.
 */
export async function writeWhole(context: Context, path: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  if (path === '-') {
    for await (const chunk of body) await context.out.stream(chunk)
    return
  }
  const unfinished = `${path}.${process.pid}.unfinished`
  try {
    await pipeline(body, createWriteStream(unfinished, { mode: 0o600 }))
    await rename(unfinished, path)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
}
