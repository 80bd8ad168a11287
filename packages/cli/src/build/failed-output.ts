import type { BuildEvent } from '@gantry/builder'
import { StepOutput } from '../progress/step-output.ts'

/** Keeps what the running steps write, so that a step that fails can be shown whole. */
export function failedOutput(): { event(event: BuildEvent): void; lines(): string[] } {
  const outputs = new Map<number, StepOutput>()
  let failed: StepOutput | undefined
  return {
    event: (event) => {
      if (event.kind === 'output') {
        const output = outputs.get(event.step.id) ?? new StepOutput()
        outputs.set(event.step.id, output)
        output.add(event.stream, event.data)
      } else if (event.kind === 'step-done') outputs.delete(event.step.id)
      else if (event.kind === 'step-failed') failed ??= outputs.get(event.step.id)
    },
    lines: () =>
      failed === undefined
        ? []
        : [...(failed.isCut ? ['(the beginning of the output is left out)'] : []), ...failed.all()],
  }
}
