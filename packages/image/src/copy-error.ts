import type { Descriptor } from '@gantry/oci'
import { ImageError, type Side } from './errors.ts'

/** Waits for one end of a copy, and says in its errors which end it was. An abort passes as the signal's reason. */
export async function onSide<T>(side: Side, { digest }: Descriptor, signal: AbortSignal, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw error
    // The sink passes on what its body threw; that side is known already.
    if (error instanceof ImageError && error.side !== undefined) throw error
    // The sink verifies what it gets, but it is the source that gave it.
    const blamed = isMismatch(error) ? 'source' : side
    const code = error instanceof ImageError ? error.code : 'COPY_FAILED'
    const doing = blamed === 'source' ? 'the source could not give it' : 'the sink could not take it'
    const reason = error instanceof Error ? withHint(error) : String(error)
    throw new ImageError(code, `Cannot copy ${digest}: ${doing}: ${withoutSubject(reason, digest)}`, {
      side: blamed,
      cause: error,
    })
  }
}

function isMismatch(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return code === 'DIGEST_MISMATCH' || code === 'SIZE_MISMATCH'
}

function withHint(error: Error): string {
  const hint: unknown = Reflect.get(error, 'hint')
  return typeof hint === 'string' ? `${error.message}; ${hint}` : error.message
}

/** Most reasons begin with the blob that is named already: `Cannot read sha256:…: 3 bytes came`. */
function withoutSubject(reason: string, digest: string): string {
  const [said, verb] = /^Cannot (\w+) /.exec(reason) ?? []
  const subject = `${said}${digest}: `
  return verb !== undefined && reason.startsWith(subject) ? reason.slice(subject.length) : reason
}
