import { readFileSync } from 'node:fs'

/**
 * Whether the kernel of a release takes calls of the x32 ABI, of which most are built without. True where its configuration cannot
 * be read. Nothing is tried: who is confined may be killed for such a call.
 */
export function hasX32(release: string): boolean {
  const text = readOr('/proc/config.gz', (data) => process.getBuiltinModule('node:zlib').gunzipSync(data).toString())
  const config = text ?? readOr(`/boot/config-${release}`, String)
  return config === undefined || !leavesX32Out(config)
}

/** Whether a kernel's configuration says that it is built without the x32 ABI. It was called CONFIG_X86_X32 before Linux 5.18. */
export function leavesX32Out(config: string): boolean {
  return /^# CONFIG_X86_X32(?:_ABI)? is not set$/m.test(config)
}

function readOr(path: string, read: (data: Buffer) => string): string | undefined {
  try {
    return read(readFileSync(path))
  } catch {
    return undefined
  }
}
