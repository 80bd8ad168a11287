import { locate } from '../build-error.ts'
import type { BuildSession } from '../build-session.ts'
import type { BuildStep } from '../events.ts'
import type { BaseImage } from '../image/base-image.ts'

/** Runs one step with its events; what goes wrong gets its place in the Dockerfile. */
export async function reportStep<Result>(
  { options }: Pick<BuildSession, 'options'>,
  step: BuildStep,
  work: () => Promise<Result & { readonly cached: boolean; readonly digest?: BaseImage['descriptor'] }>,
): Promise<Result> {
  options.signal.throwIfAborted()
  const started = performance.now()
  const duration = (): number => Math.round(performance.now() - started)
  options.onEvent({ kind: 'step-start', step })
  try {
    const result = await work()
    const { cached, digest: made } = result
    const what = made === undefined ? {} : { digest: made.digest, size: made.size }
    options.onEvent({ kind: 'step-done', step, cached, duration: duration(), ...what })
    return result
  } catch (error) {
    const located = locate(error, options.dockerfile.file, step.range)
    const failure = located instanceof Error ? located : new Error(String(located))
    options.onEvent({ kind: 'step-failed', step, error: failure, duration: duration() })
    throw failure
  }
}
